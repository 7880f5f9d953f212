//go:build unix

package ways

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// reach returns a configuration of ssh in which the ids are hosts. A connection has an
// sshd of its own, whose session has the instance's environment, and which is spoken to
// without a port, that another program might take.
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
		fmt.Fprintf(&hosts, "Host %s\n  ProxyCommand %s -i -f %s\n", id, sshd, s.sshdConfig(id, key))
	}
	fmt.Fprintf(&hosts, "Host *\n  IdentityFile %s\n  IdentitiesOnly yes\n  StrictHostKeyChecking no\n  UserKnownHostsFile %s\n  LogLevel ERROR\n", key, os.DevNull)
	config = filepath.Join(s.dir, "ssh_config")
	s.write(config, hosts.String())
	return config
}

func (s *stage) sshdConfig(id, key string) (file string) {
	quoted := make([]string, 0, len(s.env[id]))
	for _, v := range s.env[id] {
		quoted = append(quoted, `"`+v+`"`)
	}
	file = s.file(id, "sshd_config")
	s.write(file, fmt.Sprintf(`HostKey %s
AuthorizedKeysFile %s.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin yes
PrintMotd no
Subsystem sftp internal-sftp
SetEnv %s
`, key, key, strings.Join(quoted, " ")))
	return file
}
