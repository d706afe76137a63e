package client

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"
)

// clock is the server's clock as its answers tell it. This machine's clock
// only measures how long ago that was.
type clock struct {
	mu   sync.Mutex
	date time.Time // what the server said
	at   time.Time // when it arrived, monotonic
}

// coarse is how far a Date may lag: it has no fractions, and some servers make
// it once a second.
const coarse = 2 * time.Second

// set takes the Date of the answer to a request that was sent at a moment. The
// Date was made after that moment, so one that is hardly behind what was known
// of it tells nothing new, and taking it would let the clock go back.
func (k *clock) set(header http.Header, sent time.Time) {
	date, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return
	}
	now := time.Now()
	k.mu.Lock()
	defer k.mu.Unlock()
	then, ahead := k.date.Add(sent.Sub(k.at)), date.After(k.date.Add(now.Sub(k.at)))
	if k.at.IsZero() || ahead || then.Sub(date) >= coarse {
		k.date, k.at = date, now
	}
}

func (k *clock) now() (time.Time, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.at.IsZero() {
		return time.Time{}, false
	}
	return k.date.Add(time.Since(k.at)), true
}

// Now is the time by the server's clock: the Date of its last answer and the
// time since. When there was no answer yet it asks what the server is.
func (c *Client) Now(ctx context.Context) (time.Time, error) {
	if now, ok := c.clock.now(); ok {
		return now, nil
	}
	if _, err := c.Server(ctx); err != nil {
		return time.Time{}, err
	}
	now, ok := c.clock.now()
	if !ok {
		return time.Time{}, errors.New("the answers of " + c.base + " have no Date, so its time cannot be told")
	}
	return now, nil
}
