// Package pgtest starts a PostgreSQL of its own for a test, from the programs
// that are installed, and ends it. It knows nothing of stores. It runs where there
// are users and signals, so not on Windows.
package pgtest
