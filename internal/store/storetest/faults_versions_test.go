package storetest_test

import "github.com/agentcreds/terraform-provider-agentcreds/internal/store"

func (b *bad) Version(id string) store.Version {
	switch b.f.fault {
	case "tells one version":
		return store.Version{All: 1}
	case "tells a new version each time":
		return store.Version{All: uint64(b.f.state.updates)} //nolint:gosec // it counts up
	}
	return b.Tx.(store.Versioned).Version(id) //nolint:forcetypeassert // of sqlite
}
