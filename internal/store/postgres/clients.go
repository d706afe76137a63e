package postgres

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

const (
	selectClients = `SELECT id, name, scopes, epoch, secrets, keys, created, creator FROM clients`
	selectClient  = selectClients + ` WHERE id = $1`
	allClients    = selectClients + ` ORDER BY n`
	insertClient  = `INSERT INTO clients (id, name, scopes, epoch, secrets, keys, created, creator)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`
	updateClient = `UPDATE clients SET (name, scopes, epoch, secrets, keys, created, creator) =
		($2, $3, $4, $5, $6, $7, $8) WHERE id = $1 AND NOT EXISTS (SELECT FROM clients other WHERE other.name = $2 AND other.id <> $1)`
	clientThere  = `SELECT 1 FROM clients WHERE id = $1`
	deleteClient = `DELETE FROM clients WHERE id = $1`
)

// Client reads a management client.
func (t *tx) Client(id string) (store.Client, error) {
	found, err := t.clients(selectClient, id)
	if err == nil && len(found) == 0 {
		err = t.fail("client "+id, pgx.ErrNoRows)
	}
	if err != nil {
		return store.Client{}, err
	}
	return found[0], nil
}

// Clients reads all management clients.
func (t *tx) Clients() ([]store.Client, error) { return t.clients(allClients) }

func (t *tx) clients(query string, args ...any) (found []store.Client, err error) {
	if err := t.ready(); err != nil {
		return nil, err
	}
	err = t.rows(query, args, func(scan scan) error {
		var (
			c                     store.Client
			scopes, secrets, keys string
			created               *int64
		)
		if err := scan(&c.ID, &c.Name, &scopes, &c.Epoch, &secrets, &keys, &created, &c.Creator); err != nil {
			return err
		}
		c.Created = moment(created)
		if err := errors.Join(json.Unmarshal([]byte(secrets), &c.Secrets), json.Unmarshal([]byte(keys), &c.Keys)); err != nil {
			return fmt.Errorf("%w: %w", errDamaged, err)
		}
		found = append(found, c)
		return decode(scopes, &found[len(found)-1].Scopes)
	})
	if err != nil {
		return nil, t.fail("clients", err)
	}
	return found, nil
}

// clientValues is how a client is kept.
func clientValues(c store.Client) ([]any, error) {
	secrets, err := json.Marshal(c.Secrets)
	keys, err2 := json.Marshal(c.Keys)
	return []any{c.ID, c.Name, store.EncodeText(c.Scopes), c.Epoch, string(secrets), string(keys), micros(c.Created), c.Creator}, errors.Join(err, err2)
}

// AddClient adds a management client.
func (t *tx) AddClient(c store.Client) error {
	values, err := clientValues(c)
	if err != nil {
		return t.fail("client "+c.ID, err)
	}
	return t.add("client "+c.ID, insertClient, "", values...)
}

// SetClient replaces a management client.
func (t *tx) SetClient(c store.Client) error {
	values, err := clientValues(c)
	if err != nil {
		return t.fail("client "+c.ID, err)
	}
	return t.replace("client "+c.ID, updateClient, clientThere, values...)
}

// RemoveClient removes a management client.
func (t *tx) RemoveClient(id string) error { return t.write("client "+id, deleteClient, id) }
