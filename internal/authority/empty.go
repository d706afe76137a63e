package authority

import (
	"context"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// Empty makes an Authority of what there is before a store exists: it has no
// agents and the store id "". Reads find nothing, changes of what is not there
// are refused as such, and CreateAgent fails with ErrNoStore. Nothing is
// written anywhere, refusals included. Config.Store is not used.
func Empty(cfg Config) (*Authority, error) {
	cfg.Store = empty{}
	return New(cfg)
}

// empty is a store without records.
type empty struct{}

func (empty) ID() string   { return "" }
func (empty) Close() error { return nil }

func (empty) View(_ context.Context, fn func(store.Reader) error) error { return fn(empty{}) }

// Update finds nothing that fn could change. Its events are dropped: there is
// no chain yet that they could be part of.
func (empty) Update(_ context.Context, fn func(store.Tx) ([]audit.Event, error)) error {
	_, err := fn(empty{})
	return err
}

func (empty) Agent(string) (store.Agent, error)             { return store.Agent{}, store.ErrNotFound }
func (empty) AgentByExternalID(string) (store.Agent, error) { return store.Agent{}, store.ErrNotFound }
func (empty) Agents(store.Query) (store.Page, error)        { return store.Page{}, nil }

func (empty) Secret(string, string) (store.Secret, error) { return store.Secret{}, store.ErrNotFound }
func (empty) Secrets([]string, int64, int) (map[string][]store.Secret, error) {
	return map[string][]store.Secret{}, nil
}

func (empty) Credential(string, store.Kind, string) (store.Credential, error) {
	return store.Credential{}, store.ErrNotFound
}
func (empty) Credentials([]string, store.Kind, int64, int) (map[string][]store.Credential, error) {
	return map[string][]store.Credential{}, nil
}
func (empty) Role(string) (store.Role, error)           { return store.Role{}, store.ErrNotFound }
func (empty) Roles(store.Query) (store.RolePage, error) { return store.RolePage{}, nil }
func (empty) Members(string) ([]store.Member, error)    { return nil, nil }
func (empty) RolesOf([]string) (map[string][]store.Role, error) {
	return map[string][]store.Role{}, nil
}
func (empty) AddRole(store.Role) error          { return store.ErrNoStore }
func (empty) SetRole(store.Role) error          { return store.ErrNotFound }
func (empty) RemoveRole(string) error           { return store.ErrNotFound }
func (empty) AddMember(string, string) error    { return store.ErrNotFound }
func (empty) RemoveMember(string, string) error { return store.ErrNotFound }

func (empty) CAKeys() ([]store.CAKey, error)                      { return nil, nil }
func (empty) Revocations(int64) ([]store.Revocation, error)       { return nil, nil }
func (empty) Touch(context.Context, []store.Use) error            { return nil }
func (empty) Count(context.Context, string, int64) (int64, error) { return 0, nil }
func (empty) Counter(string) (int64, error)                       { return 0, nil }

func (empty) Client(string) (store.Client, error)                 { return store.Client{}, store.ErrNotFound }
func (empty) Clients() ([]store.Client, error)                    { return nil, nil }
func (empty) SigningKeys() ([]store.SigningKey, error)            { return nil, nil }
func (empty) Setting(string) (string, error)                      { return "", nil }
func (empty) Quarantined() bool                                   { return false }
func (empty) SetQuarantined(bool) error                           { return store.ErrNoStore }
func (empty) RaiseEpochs(int64) error                             { return nil }
func (empty) Spent(...string) (bool, error)                       { return false, nil }
func (empty) FindEntries(store.EntryQuery) ([]audit.Entry, error) { return nil, nil }
func (empty) Heads() ([]audit.Entry, error)                       { return nil, nil }
func (empty) LastEntry() (audit.Entry, error)                     { return audit.Entry{}, store.ErrNotFound }
func (empty) AddClient(store.Client) error                        { return store.ErrNoStore }
func (empty) SetClient(store.Client) error                        { return store.ErrNotFound }
func (empty) RemoveClient(string) error                           { return store.ErrNotFound }
func (empty) SetSigningKey(store.SigningKey) error                { return store.ErrNoStore }
func (empty) RemoveSigningKey(string) error                       { return store.ErrNotFound }
func (empty) SetSetting(string, string) error                     { return store.ErrNoStore }
func (empty) Spend(string, time.Time) error                       { return store.ErrNoStore }
func (empty) RemoveEntries(int64) (audit.Cut, error)              { return audit.Cut{}, store.ErrNotFound }

func (empty) Entries(int64, int) ([]audit.Entry, error) { return nil, nil }

func (empty) AddAgent(store.Agent) error           { return store.ErrNoStore }
func (empty) SetAgent(store.Agent) error           { return store.ErrNotFound }
func (empty) RemoveAgent(string) error             { return store.ErrNotFound }
func (empty) AddSecret(store.Secret) error         { return store.ErrNotFound }
func (empty) SetSecret(store.Secret) error         { return store.ErrNotFound }
func (empty) AddCredential(store.Credential) error { return store.ErrNotFound }
func (empty) SetCredential(store.Credential) error { return store.ErrNotFound }
func (empty) SetCAKey(store.CAKey) error           { return store.ErrNoStore }
func (empty) SetRevocation(store.Revocation) error { return store.ErrNoStore }
