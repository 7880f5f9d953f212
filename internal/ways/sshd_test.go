package ways

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// reach starts an sshd for each instance, whose sessions have the instance's
// environment, and returns a configuration of ssh in which the ids are hosts.
func (s *stage) reach() (config string) {
	s.Helper()
	need(s.T, "ssh", "ssh-keygen")
	sshd := "/usr/sbin/sshd"
	if _, err := os.Stat(sshd); err != nil {
		s.Skip("sshd is not installed")
	}
	if os.Geteuid() == 0 {
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil { // sshd of root starts in it
			s.Fatal(err)
		}
	}
	key := filepath.Join(s.dir, "key")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key).CombinedOutput(); err != nil {
		s.Fatalf("ssh-keygen: %v\n%s", err, out)
	}
	var hosts strings.Builder
	for _, id := range s.hosts {
		fmt.Fprintf(&hosts, "Host %s\n  HostName 127.0.0.1\n  Port %d\n", id, s.sshd(sshd, id, key))
	}
	fmt.Fprintf(&hosts, "Host *\n  IdentityFile %s\n  IdentitiesOnly yes\n  StrictHostKeyChecking no\n  UserKnownHostsFile %s\n  LogLevel ERROR\n", key, os.DevNull)
	config = filepath.Join(s.dir, "ssh_config")
	s.write(config, hosts.String())
	return config
}

// sshd starts one and returns its port.
func (s *stage) sshd(program, id, key string) (port int) {
	port = s.freePort()
	quoted := make([]string, 0, len(s.env[id]))
	for _, v := range s.env[id] {
		quoted = append(quoted, `"`+v+`"`)
	}
	config := s.file(id, "sshd_config")
	s.write(config, fmt.Sprintf(`Port %d
ListenAddress 127.0.0.1
HostKey %s
AuthorizedKeysFile %s.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin yes
PrintMotd no
Subsystem sftp internal-sftp
SetEnv %s
`, port, key, key, strings.Join(quoted, " ")))
	if err := os.Chmod(key, 0o600); err != nil {
		s.Fatal(err)
	}
	cmd := exec.Command(program, "-D", "-e", "-f", config)
	stderr, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	for in := bufio.NewScanner(stderr); in.Scan(); {
		if strings.HasPrefix(in.Text(), "Server listening") {
			go io.Copy(io.Discard, stderr)
			return port
		}
		s.Log(in.Text())
	}
	s.Fatal("sshd has ended")
	return 0
}

func (s *stage) freePort() int {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port
}
