package lab

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strconv"

	"balanced/internal/sim"
)

// HealthPath is what every load balancer of a fleet asks every application for.
const HealthPath = "/health"

// App is what one may know of, and say to, the applications of a fleet: on each
// instance one, at the instance's own address. Its functions may be nil.
type App struct {
	Version func(instance string) string              // that it answers with; nil: v1
	Asked   func(instance, question string, code int) // is told of every question
}

// address is that of the n-th instance. On Linux all of 127.0.0.0/8 is this machine.
func address(n int) string {
	if runtime.GOOS != "linux" {
		return "127.0.0.1"
	}
	return fmt.Sprintf("127.80.%d.%d", n/250%256, n%250+1)
}

// claimPort finds a port that is free at the addresses of so many instances, and keeps it:
// while one address has it, nobody gets it on all of them, and another lab takes another.
func claimPort(instances int) (port int, claimed map[string]net.Listener, err error) {
	for range 10 {
		if port, claimed, err = claimSomePort(instances); err == nil {
			return port, claimed, nil
		}
	}
	return 0, nil, fmt.Errorf("a port for the applications: %w", err)
}

func claimSomePort(instances int) (port int, claimed map[string]net.Listener, err error) {
	claimed = map[string]net.Listener{}
	for n := range instances {
		host := address(n)
		if claimed[host] != nil {
			continue
		}
		ln, err := net.Listen("tcp4", net.JoinHostPort(host, strconv.Itoa(port)))
		if err != nil {
			for _, held := range claimed {
				held.Close()
			}
			return 0, nil, err
		}
		claimed[host], port = ln, ln.Addr().(*net.TCPAddr).Port
	}
	return port, claimed, nil
}

// application starts that of an instance and returns its URL, l.mu held. Where all
// instances share one address, the first one's answers for all.
func (l *Lab) application(id string) (url string, err error) {
	host, err := privateAddress(l.Fleet.Region, id)
	if err != nil {
		return "", err
	}
	at := net.JoinHostPort(host, strconv.Itoa(l.Fleet.Port))
	if l.apps[host] {
		return "http://" + at, nil
	}
	ln := l.claimed[host]
	delete(l.claimed, host)
	if ln == nil {
		if ln, err = net.Listen("tcp4", at); err != nil {
			return "", err
		}
	}
	l.apps[host] = true
	return l.serve(ln, l.Fleet.application(id)), nil
}

// application answers as the instance's does: its version, and 503 where that is not
// healthy.
func (f *Fleet) application(id string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		code := http.StatusOK
		if req.URL.Path == HealthPath && !f.AppHealthy(id) {
			code = http.StatusServiceUnavailable
		}
		if f.app.Asked != nil {
			f.app.Asked(id, req.Method+" "+req.URL.Path, code)
		}
		w.WriteHeader(code)
		fmt.Fprintln(w, f.version(id))
	})
}

func (f *Fleet) version(id string) string {
	if f.app.Version == nil {
		return "v1"
	}
	return f.app.Version(id)
}

// SetAppHealthy decides what an instance's application answers from now on, to the
// load balancers of the Region and to everybody else.
func (f *Fleet) SetAppHealthy(id string, healthy bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sick[id] = !healthy
	f.Region.SetAppHealthy(id, healthy)
}

// AppHealthy says what SetAppHealthy decided last.
func (f *Fleet) AppHealthy(id string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.sick[id]
}

// privateAddress asks the instance's metadata service, as the agent does.
func privateAddress(r *sim.Region, id string) (string, error) {
	client := r.Client()
	defer client.CloseIdleConnections()
	at := sim.MetadataEndpoint(id) + "/latest/"
	token, err := item(client, http.MethodPut, at+"api/token", "X-aws-ec2-metadata-token-ttl-seconds", "60")
	if err != nil {
		return "", err
	}
	return item(client, http.MethodGet, at+"meta-data/local-ipv4", "X-aws-ec2-metadata-token", token)
}

func item(client *http.Client, method, url, header, value string) (string, error) {
	req, err := http.NewRequest(method, url, nil)
	if err != nil {
		return "", err
	}
	req.Header.Set(header, value)
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", url, resp.Status)
	}
	return string(body), err
}
