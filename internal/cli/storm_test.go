package cli_test

import (
	"fmt"
	"math/rand/v2" //nolint:depguard // the moment of a kill is no secret
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
)

const writers = 16

// kills is how often the server is killed: AGENTCREDS_TEST_KILLS, or 200.
func kills(t *testing.T) int {
	t.Helper()
	if text := os.Getenv("AGENTCREDS_TEST_KILLS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("AGENTCREDS_TEST_KILLS: %v", err)
		}
		return n
	}
	if testing.Short() {
		return 10
	}
	return 200
}

// TestKillStorm kills a server again and again, by kill -9 and at random, while
// 16 writers create agents, rotate their secrets and delete them. Nothing that
// was answered is lost, nothing is there by half, the audit chain holds, and
// the next start never takes long.
func TestKillStorm(t *testing.T) {
	database := filepath.Join(t.TempDir(), "agents.db")
	serve(t, "--database", database).kill()
	storm := &storm{token: readFile(t, database+".admin-token")}
	var done sync.WaitGroup
	lives := make([][]*life, writers)
	for i := range writers {
		done.Go(func() { lives[i] = storm.write(t, i) })
	}
	var starts []time.Duration
	for i := range kills(t) {
		if i%10 == 9 { // in the middle of its start
			cmd := program(t, "serve", "--listen", "127.0.0.1:0", "--database", database)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(rand.N(40 * time.Millisecond))
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
		began := time.Now()
		s := serve(t, "--database", database)
		starts = append(starts, time.Since(began))
		storm.rage(s.url, 1+rand.Int64N(120))
		s.kill()
		if t.Failed() {
			break
		}
	}
	storm.over.Store(true)
	done.Wait()
	slices.Sort(starts)
	t.Logf("%d kills, %d answered writes; a start took %v, at most %v",
		len(starts), storm.answered.Load(), starts[len(starts)/2], starts[len(starts)-1])
	if longest := starts[len(starts)-1]; longest > 10*time.Second {
		t.Errorf("a start took %v", longest)
	}
	if int(storm.answered.Load()) < 10*len(starts) {
		t.Error("too few writes were answered to say anything")
	}
	check(t, database, slices.Concat(lives...))
}

// storm is what the writers share.
type storm struct {
	token    string
	url      atomic.Pointer[string] // nil: the server is down
	over     atomic.Bool
	answered atomic.Int64
}

// rage lets the writers loose on a server until it has answered so many more
// requests, or for two seconds where everything is slow.
func (s *storm) rage(url string, more int64) {
	end, slow := s.answered.Load()+more, time.Now().Add(2*time.Second)
	s.url.Store(&url)
	for s.answered.Load() < end && time.Now().Before(slow) {
		time.Sleep(time.Millisecond)
	}
	s.url.Store(nil)
}

// life is what one writer did to one agent. Only the last thing may have an
// outcome that is not known: the writer then begins another life.
type life struct {
	externalID string
	id         string   // "" when its creation was not answered
	secrets    []string // made by rotations that were answered
	unknown    string   // the secret of a rotation that was not answered
	deleting   bool     // a delete was sent
	deleted    bool     // and answered
}

// write lives one life after the other until the storm is over.
func (s *storm) write(t *testing.T, writer int) (lives []*life) {
	for !s.over.Load() && !t.Failed() {
		l := &life{externalID: fmt.Sprintf("w%d-%d", writer, len(lives))}
		lives = append(lives, l)
		s.live(t, l)
	}
	return lives
}

func (s *storm) live(t *testing.T, l *life) {
	var created struct{ ID string }
	if !s.send(t, 201, "POST", "/scim2/Agents", `{"externalId":"`+l.externalID+`"}`, &created) {
		return
	}
	l.id = created.ID
	secrets := "/api/server/v1/agents/" + l.id + "/secrets"
	for range rand.N(6) {
		var list struct {
			List []struct{ SecretID, Status string }
		}
		if !s.send(t, 200, "GET", secrets, "", &list) {
			return
		}
		l.unknown = uuid.NewString()
		value := ourShape()
		if rand.N(20) == 0 { // as people choose them; slow to digest
			value = "Storm-" + l.unknown
		}
		end := fmt.Sprintf(`"revoke":[%q]`, list.List[0].SecretID)
		if rand.N(2) == 0 {
			end = fmt.Sprintf(`"previous":{"secretId":%q,"expiresAt":1}`, list.List[0].SecretID)
		}
		body := fmt.Sprintf(`{"secretValue":%q,%s}`, value, end)
		if !s.send(t, 201, "PUT", secrets+"/"+l.unknown, body, nil) {
			return
		}
		l.secrets, l.unknown = append(l.secrets, l.unknown), ""
	}
	if rand.N(3) == 0 {
		l.deleting = true
		l.deleted = s.send(t, 204, "DELETE", "/scim2/Agents/"+l.id, "", nil)
	}
}
