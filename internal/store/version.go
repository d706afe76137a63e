package store

// Version stands for all that decides who may log in under one id, as it was at
// a moment. The zero Version stands for nothing.
type Version struct{ All, Own uint64 }

// Versioned is a Tx of a store that knows, without a look at the records, whether
// somebody changed them. Not every store can know.
type Versioned interface {
	// Version tells of an agent or a management client. While it is the same,
	// on one handle, nobody has changed the record with that id, its secrets,
	// its credentials, its roles and their scopes, nor signing keys, CA keys
	// and settings: whatever the process, and this Update included. When
	// credentials were used, what was counted, spent and audited does not
	// count. It can change when nothing did.
	Version(id string) Version
}
