// Package arch holds the plan of the house against the house: which package
// may import which, who may use which library, how long a file may be. It has
// no code, only tests. Whoever adds an arrow or a package adds it to the
// tables in the same commit, with the reason.
package arch
