//go:build race

package authority_test

// racing: the race detector makes everything five times as slow, and times say
// nothing.
const racing = true
