package lock_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsdynamodb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"balanced/internal/awsapi"
	"balanced/internal/failure"
	"balanced/internal/fleettest"
	"balanced/internal/lock"
)

// moto starts moto's server and has the SDK find its DynamoDB by the environment, as an operator would.
func moto(t *testing.T) {
	t.Helper()
	path, err := exec.LookPath("moto_server")
	if err != nil {
		t.Skipf("no other DynamoDB to try: %v", err)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().(*net.TCPAddr)
	free.Close()
	ctx, stop := context.WithCancel(t.Context())
	server := exec.CommandContext(ctx, path, "-H", "127.0.0.1", "-p", fmt.Sprint(address.Port))
	server.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
	if err := server.Start(); err != nil {
		t.Skipf("moto_server does not start: %v", err)
	}
	t.Cleanup(func() { stop(); server.Wait() })
	url := "http://" + address.String()
	for name, value := range map[string]string{
		"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "example", "AWS_PROFILE": "",
		"AWS_ENDPOINT_URL": "", "AWS_ENDPOINT_URL_DYNAMODB": url,
	} {
		t.Setenv(name, value)
	}
	for range 300 {
		if resp, err := http.Get(url); err == nil {
			resp.Body.Close()
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
	t.Skip("moto_server does not answer within 30s")
}

// serving is a look at a group in which everybody is in service.
func serving() lock.Look {
	return lock.Look{Group: web, Began: time.Now(), At: time.Now(), Presence: func(string) lock.Presence { return lock.Serving }}
}

// The same race on a DynamoDB that is not ours: as many as there are slots get one, and give it back.
func TestRacersOnMoto(t *testing.T) {
	moto(t)
	session, err := awsapi.Load(t.Context(), awsapi.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t}
	sdk := awsdynamodb.NewFromConfig(session.Config())
	for _, slots := range []int{1, 5} {
		table := fmt.Sprintf("locks-%d", slots)
		_, err := sdk.CreateTable(t.Context(), &awsdynamodb.CreateTableInput{
			TableName: aws.String(table), BillingMode: types.BillingModePayPerRequest,
			AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("group"), AttributeType: types.ScalarAttributeTypeS}},
			KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("group"), KeyType: types.KeyTypeHash}},
		})
		w.must(err)
		before := session.Counts()
		where, err := lock.Parse("dynamodb:" + table)
		w.must(err)
		var all sync.WaitGroup
		var taken atomic.Int32
		winners := make([]*lock.Lock, 40)
		for i := range winners {
			l, err := lock.New(where, lock.Options{Instance: fmt.Sprintf("i-%d", i), AWS: session.Config()})
			w.must(err)
			all.Go(func() {
				held, err := l.Acquire(w.until(time.Minute), serving(), slots)
				switch {
				case err == nil && held.Valid():
					taken.Add(1)
					winners[i] = l
				case !failure.Is(err, failure.NotNow):
					t.Errorf("i-%d: %v", i, err)
				}
			})
		}
		all.Wait()
		after := session.Counts()
		t.Logf("%d slots: %d GetItem, %d PutItem of 40 racers", slots, after["dynamodb.GetItem"]-before["dynamodb.GetItem"], after["dynamodb.PutItem"]-before["dynamodb.PutItem"])
		if int(taken.Load()) != slots {
			t.Errorf("%d got one of %d slots", taken.Load(), slots)
		}
		if slots == 1 {
			freeByHand(t, winners)
		}
		for _, l := range winners {
			if l == nil || slots == 1 {
				continue
			}
			if ours, err := l.Confirm(t.Context(), web); !ours || err != nil {
				t.Errorf("confirmed: %v, %v", ours, err)
			}
			w.must(l.Release(t.Context(), web, lock.Basis{}))
		}
		s, err := winner(winners).State(t.Context(), web)
		if err != nil || len(s.Holders) != 0 {
			t.Errorf("in the end %+v, %v", s, err)
		}
	}
	where, err := lock.Parse("dynamodb:none")
	w.must(err)
	l, err := lock.New(where, lock.Options{Instance: "i-1", AWS: session.Config()})
	w.must(err)
	w.wantClass(l.Check(t.Context(), web), failure.Setup)
}

// freeByHand runs the command that a person is given for the slot of an instance that is gone, of the one that has it.
func freeByHand(t *testing.T, winners []*lock.Lock) {
	t.Helper()
	for i, l := range winners {
		if l == nil {
			continue
		}
		if _, err := fleettest.AWSCLI(); err != nil {
			t.Log(err)
			l.Release(t.Context(), web, lock.Basis{})
			return
		}
		out, err := exec.Command("sh", "-c", "unset AWS_PROFILE AWS_ENDPOINT_URL; export AWS_DEFAULT_REGION=$AWS_REGION; "+l.FreeCommand(web, fmt.Sprintf("i-%d", i))).CombinedOutput()
		if err != nil {
			t.Errorf("%v: %s", err, out)
		}
	}
}

func winner(all []*lock.Lock) *lock.Lock {
	for _, l := range all {
		if l != nil {
			return l
		}
	}
	return nil
}
