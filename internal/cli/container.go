package cli

import (
	"net"
	"os"
	"path/filepath"

	"balanced/internal/imds"
)

// ownNetwork: this process is in a container, and the instance's address is none of its interfaces'. Where somebody put
// the metadata service elsewhere, that address says nothing of this host.
func (p *program) ownNetwork(self imds.Identity) bool {
	if p.getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT") != "" || !inContainer("/") {
		return false
	}
	addresses, err := net.InterfaceAddrs()
	return err == nil && !has(addresses, self.PrivateIP) && !has(addresses, self.IPv6)
}

// inContainer: container engines leave a file in the root folder of their containers (Docker, Podman, CRI-O).
func inContainer(root string) bool {
	for _, name := range []string{".dockerenv", "run/.containerenv"} {
		if _, err := os.Lstat(filepath.Join(root, name)); err == nil {
			return true
		}
	}
	return false
}

// has says whether an address is among those of interfaces.
func has(addresses []net.Addr, want string) bool {
	ip := net.ParseIP(want)
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && ip != nil && n.IP.Equal(ip) {
			return true
		}
	}
	return false
}
