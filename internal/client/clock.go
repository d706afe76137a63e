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

// set takes the Date of an answer. A Date has no fractions: one that is less
// than a second behind what is known tells nothing new, and taking it would
// let the clock go back.
func (k *clock) set(header http.Header) {
	date, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.at.IsZero() {
		if behind := k.date.Add(time.Since(k.at)).Sub(date); behind > 0 && behind < time.Second {
			return
		}
	}
	k.date, k.at = date, time.Now()
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
