package postgres

import (
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/row"
)

const (
	selectClients = `SELECT ` + row.ClientColumns + ` FROM clients`
	selectClient  = selectClients + ` WHERE id = $1`
	allClients    = selectClients + ` ORDER BY n`
	insertClient  = `INSERT INTO clients (` + row.ClientColumns + `)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`
	updateClient = `UPDATE clients SET (name, scopes, epoch, secrets, keys, created, creator) =
		($2, $3, $4, $5, $6, $7, $8) WHERE id = $1 AND NOT EXISTS (SELECT FROM clients other WHERE other.name = $2 AND other.id <> $1)`
	clientThere  = `SELECT 1 FROM clients WHERE id = $1`
	deleteClient = `DELETE FROM clients WHERE id = $1`
)

// Client reads a management client.
func (t *tx) Client(id string) (store.Client, error) {
	return find(t, "client "+id, row.Client, selectClient, id)
}

// Clients reads all management clients.
func (t *tx) Clients() ([]store.Client, error) { return list(t, "clients", row.Client, allClients) }

// AddClient adds a management client.
func (t *tx) AddClient(c store.Client) error {
	return t.add("client "+c.ID, insertClient, "", row.ClientValues(c)...)
}

// SetClient replaces a management client.
func (t *tx) SetClient(c store.Client) error {
	return t.replace("client "+c.ID, updateClient, clientThere, row.ClientValues(c)...)
}

// RemoveClient removes a management client.
func (t *tx) RemoveClient(id string) error { return t.write("client "+id, deleteClient, id) }
