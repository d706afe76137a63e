package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/row"
)

// Whoever writes a chain holds its lock, as long as the connection lasts: a
// replica for as long as it runs, the others, who share chain 0, for a group of
// updates. The locks are those of the session: one that is taken in a transaction
// would come after its picture was made.
const (
	lockChain    = `SELECT pg_advisory_lock(hashtext($1), $2::bigint::int)`
	tryLockChain = `SELECT pg_try_advisory_lock(hashtext($1), $2::bigint::int)`
	unlockChain  = `SELECT pg_advisory_unlock(hashtext($1), $2::bigint::int)`
)

func (w *writer) lock(ctx context.Context, chain int64) error {
	return w.wait(ctx, lockChain, chain)
}

// wait waits for a lock of the session.
func (w *writer) wait(ctx context.Context, lock string, n int64) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err := w.c.Exec(ctx, lock, lockName(w.s.place.schema), n)
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("%w for %v", store.ErrBusy, patience)
	}
	return err
}

func (w *writer) tryLock(ctx context.Context, chain int64) (mine bool, err error) {
	err = w.c.QueryRow(ctx, tryLockChain, lockName(w.s.place.schema), chain).Scan(&mine)
	return mine, err
}

func (w *writer) unlock(chain int64) {
	if w.c == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), statementLimit)
	defer cancel()
	if _, err := w.c.Exec(ctx, unlockChain, lockName(w.s.place.schema), chain); err != nil {
		w.drop() // which lets go of it too
	}
}

// connect makes sure that there is a connection. A replica takes a chain with it:
// the one that it had, another that nobody writes now, or a new one.
func (w *writer) connect(ctx context.Context) (err error) {
	if w.c != nil && !w.c.IsClosed() {
		return nil
	}
	w.drop()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := w.dial(ctx); err != nil || !w.replica {
		return err
	}
	if err := w.lease(ctx); err != nil {
		w.drop()
		return err
	}
	return nil
}

// lease takes a chain.
func (w *writer) lease(ctx context.Context) error {
	rows, err := w.c.Query(ctx, "SELECT n FROM chains WHERE n > 0 ORDER BY n")
	if err != nil {
		return err
	}
	chains, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return err
	}
	if before := w.chainNow(); before > 0 {
		chains = append([]int64{before}, chains...)
	}
	for _, n := range chains {
		switch mine, err := w.tryLock(ctx, n); {
		case err != nil:
			return err
		case mine:
			return w.hold(ctx, n)
		}
	}
	n, err := w.bear(ctx, slices.Max(append(chains, 0))+1)
	if err != nil {
		return err
	}
	return w.hold(ctx, n)
}

// hold writes that chain from now on.
func (w *writer) hold(ctx context.Context, chain int64) error {
	after, through := bounds(chain)
	err := w.c.QueryRow(ctx, selectHead, after, through).Scan(&w.head.Seq, &w.head.Hash)
	if errors.Is(err, pgx.ErrNoRows) {
		err = fmt.Errorf("%w: chain %d of its audit is gone", errDamaged, chain)
	}
	if err == nil {
		w.chain.Store(chain)
	}
	return err
}

// bear makes a new chain: the next number from n on, its birth in chain 0, and its
// first entry, which names that. The lock of chain 0 keeps others from making one
// at the same time; that of the new one is taken before anybody sees it.
func (w *writer) bear(ctx context.Context, n int64) (int64, error) {
	if err := w.lock(ctx, 0); err != nil {
		return 0, err
	}
	defer w.unlock(0)
	err := pgx.BeginFunc(ctx, w.c, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, "SELECT greatest($1::bigint, max(n) + 1) FROM chains", n).Scan(&n); err != nil {
			return err
		}
		if n > audit.MaxChain {
			return fmt.Errorf("it has %d chains, and no more are possible", n-1)
		}
		if mine, err := w.tryLock(ctx, n); err != nil || !mine {
			return errors.Join(err, fmt.Errorf("chain %d, which does not exist yet, is locked", n))
		}
		var head audit.Entry
		after, through := bounds(0)
		if err := tx.QueryRow(ctx, selectHead, after, through).Scan(&head.Seq, &head.Hash); err != nil {
			return err
		}
		born := row.Keepable(audit.Birth(w.s.creator, n))
		birth := audit.Next(head, w.s.now(), born)
		var b pgx.Batch
		enter(&b, birth)
		enter(&b, audit.Next(audit.Origin(birth, n), w.s.now(), born))
		b.Queue("INSERT INTO chains (n, birth) VALUES ($1, $2)", n, birth.Seq)
		return tx.SendBatch(ctx, &b).Close()
	})
	return n, err
}

// committed reports whether the entry is there, which its chain has next. The
// lock of the chain was had before by the connection that wrote it.
func (w *writer) committed(ctx context.Context, e audit.Entry) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := w.dial(ctx); err != nil {
		return false, err
	}
	if err := w.lock(ctx, audit.ChainOf(e.Seq)); err != nil {
		return false, err
	}
	var hash string
	err := w.c.QueryRow(ctx, selectHash, e.Seq).Scan(&hash)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if w.replica {
		if err := w.hold(ctx, audit.ChainOf(e.Seq)); err != nil {
			return false, err
		}
	}
	return hash == e.Hash, nil
}
