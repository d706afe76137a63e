package storetest_test

func (b *bad) Quarantined() bool {
	return b.Tx.Quarantined() && (b.f.fault != "forgets the quarantine" || b.updating)
}

func (b *bad) SetQuarantined(closed bool) error {
	if b.f.fault == "keeps the quarantine" && !closed {
		return nil
	}
	return b.Tx.SetQuarantined(closed)
}

func (b *bad) RaiseEpochs(n int64) error {
	clients, err := b.Clients()
	if err == nil {
		err = b.Tx.RaiseEpochs(n)
	}
	for _, c := range clients {
		if b.f.fault == "raises agents alone" && err == nil {
			err = b.SetClient(c)
		}
	}
	return err
}
