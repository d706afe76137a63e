package cli_test

import (
	"fmt"
	"math"
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

// TestKillStorm kills a server again and again, by kill -9, while 16 writers
// create agents, rotate their secrets and delete them: at random, in the middle of
// its start, and, where there is strace, at each call by which it writes, syncs,
// cuts off and answers. Nothing that was answered is lost, nothing is there by
// half, the audit chain holds, and the next start never takes long.
func TestKillStorm(t *testing.T) {
	seed := seed(t)
	draw := rand.New(rand.NewPCG(seed, writers))
	database := filepath.Join(t.TempDir(), "agents.db")
	serve(t, "--database", database).kill()
	storm := &storm{token: readFile(t, database+".admin-token")}
	var done sync.WaitGroup
	lives := make([][]*life, writers)
	for i := range writers {
		done.Go(func() { lives[i] = storm.write(t, i, rand.New(rand.NewPCG(seed, uint64(i)))) })
	}
	var starts []time.Duration
	struck := map[string]int{}
	for i := range kills(t) {
		switch i % 10 {
		case 9:
			killStart(t, database, draw)
		case 2, 6:
			struck[storm.point(t, database, draw)]++
		}
		began := time.Now()
		s := serve(t, "--database", database)
		starts = append(starts, time.Since(began))
		storm.rage(s, 1+draw.Int64N(120))
		s.kill()
		if t.Failed() {
			break
		}
	}
	storm.over.Store(true)
	done.Wait()
	slices.Sort(starts)
	t.Logf("%d kills, %v of others at calls of the system, %d answered writes; a start took %v, at most %v",
		len(starts), struck, storm.answered.Load(), starts[len(starts)/2], starts[len(starts)-1])
	if longest := starts[len(starts)-1]; longest > 10*time.Second {
		t.Errorf("a start took %v", longest)
	}
	if int(storm.answered.Load()) < 10*len(starts) {
		t.Error("too few writes were answered to say anything")
	}
	check(t, database, slices.Concat(lives...))
}

// killStart kills a server in the middle of its start.
func killStart(t *testing.T, database string, draw *rand.Rand) {
	t.Helper()
	cmd := program(t, "serve", "--listen", "127.0.0.1:0", "--database", database)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(between(draw, 40*time.Millisecond))
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

// points are the calls at which a server dies: before what it appends, before it
// is safe, before the log of writes is cut off, and when all that is done, before
// it is answered.
var points = []struct {
	calls string
	most  int
}{{"pwrite64", 400}, {"fsync,fdatasync", 40}, {"write,sendto", 60}, {"ftruncate,unlinkat,linkat,renameat", 3}}

// point lets the writers loose on a server that is killed at one of the points,
// and returns at which; "none" when it could not, or did not come so far.
func (s *storm) point(t *testing.T, database string, draw *rand.Rand) string {
	t.Helper()
	at := points[draw.IntN(len(points))]
	// Of early ones there are more: there is more to distinguish.
	n := 1 + int(float64(at.most)*math.Pow(draw.Float64(), 3))
	cmd := mortal(t, program(t, "serve", "--listen", "127.0.0.1:0", "--database", database), at.calls, n)
	if cmd == nil {
		return "none"
	}
	server, err := start(cmd)
	if err != nil { // it died before it listened
		return at.calls
	}
	s.rage(server, 500)
	alive := true
	select {
	case <-server.exited:
		alive = false
	default:
	}
	if server.kill(); alive {
		return "none"
	}
	return at.calls
}

// storm is what the writers share.
type storm struct {
	token    string
	url      atomic.Pointer[string] // nil: the server is down
	over     atomic.Bool
	answered atomic.Int64
}

// rage lets the writers loose on a server until it has answered so many more
// requests, or has died, or for two seconds where everything is slow.
func (s *storm) rage(on *serving, more int64) {
	end, slow := s.answered.Load()+more, time.Now().Add(2*time.Second)
	s.url.Store(&on.url)
	defer s.url.Store(nil)
	for s.answered.Load() < end && time.Now().Before(slow) {
		select {
		case <-on.exited:
			return
		case <-time.After(time.Millisecond):
		}
	}
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
func (s *storm) write(t *testing.T, writer int, draw *rand.Rand) (lives []*life) {
	for !s.over.Load() && !t.Failed() {
		l := &life{externalID: fmt.Sprintf("w%d-%d", writer, len(lives))}
		lives = append(lives, l)
		s.live(t, l, draw)
	}
	return lives
}

func (s *storm) live(t *testing.T, l *life, draw *rand.Rand) {
	var created struct{ ID string }
	if !s.send(t, 201, "POST", "/scim2/Agents", `{"externalId":"`+l.externalID+`"}`, &created) {
		return
	}
	l.id = created.ID
	secrets := "/api/server/v1/agents/" + l.id + "/secrets"
	for range draw.IntN(6) {
		var list struct {
			List []struct{ SecretID, Status string }
		}
		if !s.send(t, 200, "GET", secrets, "", &list) {
			return
		}
		l.unknown = uuid.NewString()
		value := ourShape()
		if draw.IntN(20) == 0 { // as people choose them; slow to digest
			value = "Storm-" + l.unknown
		}
		end := fmt.Sprintf(`"revoke":[%q]`, list.List[0].SecretID)
		if draw.IntN(2) == 0 {
			end = fmt.Sprintf(`"previous":{"secretId":%q,"expiresAt":1}`, list.List[0].SecretID)
		}
		body := fmt.Sprintf(`{"secretValue":%q,%s}`, value, end)
		if !s.send(t, 201, "PUT", secrets+"/"+l.unknown, body, nil) {
			return
		}
		l.secrets, l.unknown = append(l.secrets, l.unknown), ""
	}
	if draw.IntN(3) == 0 {
		l.deleting = true
		l.deleted = s.send(t, 204, "DELETE", "/scim2/Agents/"+l.id, "", nil)
	}
}
