package cli

import (
	"net"
	"os"
	"path/filepath"
	"testing"
)

func TestAContainerIsKnownByTheFileOfItsEngine(t *testing.T) {
	for _, name := range []string{".dockerenv", "run/.containerenv", ""} {
		root := t.TempDir()
		if err := os.Mkdir(filepath.Join(root, "run"), 0o755); err != nil {
			t.Fatal(err)
		}
		if name != "" {
			if err := os.WriteFile(filepath.Join(root, name), nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got := inContainer(root); got != (name != "") {
			t.Errorf("with the file %q: %v", name, got)
		}
	}
}

func TestTheHostsAddressIsAmongThoseOfItsInterfaces(t *testing.T) {
	addresses := []net.Addr{&net.IPNet{IP: net.ParseIP("10.0.0.5")}, &net.IPNet{IP: net.ParseIP("2600:1f18::5")}}
	for ip, want := range map[string]bool{"10.0.0.5": true, "2600:1f18:0::5": true, "10.0.0.6": false, "": false} {
		if got := has(addresses, ip); got != want {
			t.Errorf("%q: %v, want %v", ip, got, want)
		}
	}
}
