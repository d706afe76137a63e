package row

import "github.com/agentcreds/terraform-provider-agentcreds/internal/store"

// ClientColumns are those of a management client, in the order of ClientValues and
// Client.
const ClientColumns = `id, name, scopes, epoch, secrets, keys, created, creator`

// ClientValues is how a management client is kept.
func ClientValues(c store.Client) []any {
	return []any{c.ID, c.Name, store.EncodeText(c.Scopes), c.Epoch, encode(c.Secrets), encode(c.Keys), micros(c.Created), c.Creator}
}

// Client reads a management client.
func Client(scan Scan) (c store.Client, err error) {
	err = scan(&c.ID, &c.Name, coded[[]string]{&c.Scopes}, &c.Epoch, decoded{&c.Secrets}, decoded{&c.Keys}, moment{&c.Created}, &c.Creator)
	return c, err
}
