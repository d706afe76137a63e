//go:build !race

package authority_test

const racing = false
