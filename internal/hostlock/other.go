//go:build !linux

package hostlock

import "os/exec"

// EC2 hosts that balanced is made for run Linux. On other systems, where it only rehearses,
// nothing is locked: every Take succeeds.

// Lock is this host, taken.
type Lock struct{}

// Take always succeeds here.
func Take(instance, _ string) (*Lock, error) { return &Lock{}, checkName(instance) }

// HolderOf finds nobody here.
func HolderOf(instance string) (Holder, bool, error) { return Holder{}, false, checkName(instance) }

// Check finds nothing here.
func Check() error { return nil }

// Release does nothing here.
func (*Lock) Release() {}

// Keeper starts COMMAND and keeps nothing here.
type Keeper struct{}

// Keep always succeeds here.
func (*Lock) Keep() (*Keeper, error) { return &Keeper{}, nil }

// Start is cmd.Start.
func (*Keeper) Start(cmd *exec.Cmd) error { return cmd.Start() }

// KeeperMain has nothing to do here.
func KeeperMain([]string) (handled bool, code int) { return false, 0 }

// Section does not wait here.
func Section(name string) (leave func(), err error) { return func() {}, checkName(name) }
