//go:build linux

package safefile

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

const stranger = 65534

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can make files of another user")
	}
}

// entries make one thing of each kind at path. The text behind it must stay as it is.
var entries = map[string]struct {
	make func(t *testing.T, path, precious string) error
	kind string
}{
	"link":              {func(_ *testing.T, path, precious string) error { return os.Symlink(precious, path) }, "symbolic link of uid "},
	"dangling link":     {func(_ *testing.T, path, precious string) error { return os.Symlink(precious+".none", path) }, "symbolic link of uid "},
	"link into nowhere": {func(_ *testing.T, path, _ string) error { return os.Symlink("/none/such", path) }, "symbolic link of uid "},
	"FIFO":              {func(_ *testing.T, path, _ string) error { return unix.Mkfifo(path, 0o666) }, "FIFO"},
	"socket": {func(_ *testing.T, path, _ string) error {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		return unix.Bind(fd, &unix.SockaddrUnix{Name: path})
	}, "socket"},
	"device": {func(t *testing.T, path, _ string) error {
		needRoot(t)
		return unix.Mknod(path, unix.S_IFCHR|0o666, 0x107) // /dev/full
	}, "device"},
	"folder": {func(_ *testing.T, path, _ string) error { return os.Mkdir(path, 0o755) }, "folder"},
}

// shortTemp is a folder whose path is short enough for a socket.
func shortTemp(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "safefile")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// What another user put there is replaced and never followed; only a folder stays.
func TestWriteOverWhatAnotherUserMade(t *testing.T) {
	needRoot(t)
	for name, e := range entries {
		t.Run(name, func(t *testing.T) {
			dir := shortTemp(t)
			must(t, os.Chmod(dir, 0o777|os.ModeSticky))
			path, precious := filepath.Join(dir, "report"), filepath.Join(t.TempDir(), "precious")
			must(t, os.WriteFile(precious, []byte("precious"), 0o600), e.make(t, path, precious), os.Lchown(path, stranger, stranger))
			err := errors.Join(CheckWritable(path), Write(path, 0o600, []byte("report")))
			wantText(t, precious, "precious")
			if name == "folder" {
				if kind := new(KindError); !errors.As(err, &kind) || kind.Kind != "folder" {
					t.Errorf("%v, want that it is a folder", err)
				}
				return
			}
			must(t, err)
			wantText(t, path, "report")
			info, err := os.Lstat(path)
			must(t, err)
			if st := info.Sys().(*syscall.Stat_t); info.Mode() != 0o600 || st.Uid != 0 {
				t.Errorf("mode %v of uid %d, want 0600 of root", info.Mode(), st.Uid)
			}
			wantAlone(t, dir, "report")
		})
	}
}

// What root or the own user put there has to be a plain file: /dev/stdout stays.
func TestWriteOverWhatIsOurs(t *testing.T) {
	for name, e := range entries {
		t.Run(name, func(t *testing.T) {
			dir := shortTemp(t)
			path, precious := filepath.Join(dir, "report"), filepath.Join(t.TempDir(), "precious")
			must(t, os.WriteFile(precious, []byte("precious"), 0o600), e.make(t, path, precious))
			before, err := os.Lstat(path)
			must(t, err)
			for name, err := range map[string]error{"CheckWritable": CheckWritable(path), "Write": Write(path, 0o600, []byte("report"))} {
				if kind := new(KindError); !errors.As(err, &kind) || !strings.HasPrefix(kind.Kind, e.kind) {
					t.Errorf("%s: %v, want that it is a %s", name, err, e.kind)
				}
			}
			wantText(t, precious, "precious")
			if after, err := os.Lstat(path); err != nil || !os.SameFile(before, after) {
				t.Errorf("it was replaced (%v)", err)
			}
			wantAlone(t, dir, "report")
		})
	}
	for _, path := range []string{"/dev/stdout", "/dev/null", "/dev/full", "/dev/fd/1", "/proc/self/fd/1"} {
		if err := CheckWritable(path); err == nil {
			t.Errorf("%s can be replaced", path)
		}
	}
}

func TestWriteToAHardLink(t *testing.T) {
	dir := t.TempDir()
	path, other := filepath.Join(dir, "report"), filepath.Join(dir, "other")
	must(t, os.WriteFile(other, []byte("precious"), 0o644), os.Link(other, path), CheckWritable(path), Write(path, 0o600, []byte("report")))
	wantText(t, other, "precious")
	wantText(t, path, "report")
}

func TestTheModeIsTheCallersLessTheUmask(t *testing.T) {
	dir := t.TempDir()
	defer unix.Umask(unix.Umask(0o027))
	for perm, want := range map[fs.FileMode]fs.FileMode{0o644: 0o640, 0o600: 0o600} {
		path := filepath.Join(dir, perm.String())
		must(t, Write(path, perm, nil))
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%v became %v (%v), want %v", perm, info.Mode(), err, want)
		}
	}
}

// A link on the way that another user made would choose the folder.
func TestLinksOnTheWay(t *testing.T) {
	base := t.TempDir()
	real := filepath.Join(base, "real")
	must(t, os.Mkdir(real, 0o755), os.WriteFile(filepath.Join(real, "hold"), []byte("why"), 0o600))
	links := map[string]string{"absolute": real, "relative": "real", "dotted": "./real/../real/", "chain": "absolute"}
	for name, to := range links {
		must(t, os.Symlink(to, filepath.Join(base, name)))
	}
	must(t, os.Symlink("round2", filepath.Join(base, "round1")), os.Symlink("round1", filepath.Join(base, "round2")))
	for name := range links {
		path := filepath.Join(base, name, name)
		must(t, CheckWritable(path), Write(path, 0o600, []byte("ours")))
		wantText(t, filepath.Join(real, name), "ours")
		if line, err := FirstLine(filepath.Join(base, name, "hold")); line != "why" || err != nil {
			t.Errorf("through %s: %q %v", name, line, err)
		}
	}
	if err := CheckWritable(filepath.Join(base, "round1", "report")); !errors.Is(err, unix.ELOOP) {
		t.Errorf("a loop: %v", err)
	}
	needRoot(t)
	for name := range links {
		must(t, os.Lchown(filepath.Join(base, name), stranger, stranger))
	}
	for name := range links {
		path := filepath.Join(base, name, "new")
		_, readErr := FirstLine(filepath.Join(base, name, "hold"))
		for what, err := range map[string]error{"CheckWritable": CheckWritable(path), "Write": Write(path, 0o600, nil), "FirstLine": readErr} {
			if kind := new(KindError); !errors.As(err, &kind) || !strings.Contains(err.Error(), "symbolic link of uid 65534") {
				t.Errorf("%s through %s of another user: %v, want a KindError", what, name, err)
			}
		}
	}
	if _, err := os.Lstat(filepath.Join(real, "new")); err == nil {
		t.Error("written through the link of another user")
	}
}

// Whatever is there answers at once and is named; only nothing is nothing.
func TestFirstLineOfWhatIsNoFile(t *testing.T) {
	kinds := map[string]string{"link": "", "dangling link": dangling, "link into nowhere": dangling}
	for name, e := range entries {
		t.Run(name, func(t *testing.T) {
			path, precious := filepath.Join(shortTemp(t), "hold"), filepath.Join(t.TempDir(), "precious")
			must(t, os.WriteFile(precious, []byte("precious"), 0o600), e.make(t, path, precious))
			want, special := kinds[name]
			if !special {
				want = e.kind
			}
			line, err := FirstLine(path)
			if name == "link" {
				if line != "precious" || err != nil {
					t.Errorf("our own link: %q %v", line, err)
				}
			} else if kind := new(KindError); !errors.As(err, &kind) || kind.Kind != want {
				t.Errorf("%q %v, want that it is a %s", line, err, want)
			}
			if _, err := Read(path, 100); err == nil {
				t.Error("Read follows it or reads it")
			}
		})
	}
}

// A folder's other users must not have any file of the disk read out.
func TestFirstLineTellsNoSecrets(t *testing.T) {
	needRoot(t)
	dir := t.TempDir()
	secret, path := filepath.Join(dir, "secret"), filepath.Join(dir, "hold")
	must(t, os.WriteFile(secret, []byte("secret"), 0o600), os.Symlink(secret, path), os.Lchown(path, stranger, stranger))
	for _, how := range []string{"link", "hard link"} {
		line, err := FirstLine(path)
		if kind := new(KindError); !errors.As(err, &kind) || strings.Contains(line, "secret") {
			t.Errorf("%s of another user: %q %v, want a KindError", how, line, err)
		}
		must(t, os.Remove(path), os.Link(secret, path))
	}
	other := filepath.Join(dir, "others")
	must(t, os.WriteFile(other, []byte("ticket"), 0o600), os.Chown(other, stranger, stranger))
	if line, err := FirstLine(other); line != "ticket" || err != nil {
		t.Errorf("another user's own file: %q %v", line, err)
	}
	if text, err := Read(other, 100); err == nil {
		t.Errorf("Read trusts another user's file: %q", text)
	}
}

// A lease holds up every open of the file until it is given back (45 s by default).
func TestALeaseDoesNotHoldUpTheReader(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hold")
	must(t, os.WriteFile(path, []byte("why"), 0o600))
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	defer f.Close()
	if _, err := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_WRLCK); err != nil {
		t.Skip("no leases here: ", err)
	}
	if _, err := FirstLine(path); !errors.Is(err, unix.EWOULDBLOCK) {
		t.Errorf("%v, want that it would block", err)
	}
}

func TestAFullDisk(t *testing.T) {
	needRoot(t)
	dir := t.TempDir()
	if err := unix.Mount("none", dir, "tmpfs", 0, "mode=755,size=16k"); err != nil {
		t.Skip("cannot mount a tmpfs: ", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	path := filepath.Join(dir, "report")
	must(t, Write(path, 0o600, []byte("old")), os.WriteFile(filepath.Join(dir, "rest"), make([]byte, 12<<10), 0o600))
	for name, err := range map[string]error{"CheckWritable": CheckWritable(path), "Write": Write(path, 0o600, []byte("new"))} {
		if !errors.Is(err, unix.ENOSPC) || strings.Contains(err.Error(), ".report.") {
			t.Errorf("%s: %v, want no space left, without a temporary name", name, err)
		}
	}
	wantText(t, path, "old")
	wantAlone(t, dir, "report", "rest")
}

func TestAReadOnlyFolder(t *testing.T) {
	needRoot(t)
	dir := t.TempDir()
	if err := unix.Mount("none", dir, "tmpfs", unix.MS_RDONLY, ""); err != nil {
		t.Skip("cannot mount a tmpfs: ", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	path := filepath.Join(dir, "report")
	for name, err := range map[string]error{"CheckWritable": CheckWritable(path), "Write": Write(path, 0o600, nil)} {
		if !errors.Is(err, unix.EROFS) || strings.Contains(err.Error(), ".report.") {
			t.Errorf("%s: %v, want that it is read-only, without a temporary name", name, err)
		}
	}
}

// Found at the start and not at the end: the kernel says so only when it is too late.
func TestAStickyFolderKeepsWhatOthersOwn(t *testing.T) {
	if path := os.Getenv("SAFEFILE_STICKY"); path != "" { // the other user, see below
		for name, err := range map[string]error{"CheckWritable": CheckWritable(path), "Write": Write(path, 0o600, nil)} {
			if !errors.Is(err, fs.ErrPermission) {
				t.Errorf("%s: %v, want that it is not allowed", name, err)
			}
		}
		must(t, CheckWritable(path+".own"), Write(path+".own", 0o600, nil), Write(path+".own", 0o600, nil))
		return
	}
	needRoot(t)
	dir := shortTemp(t)
	path := filepath.Join(dir, "report")
	must(t, os.Chmod(dir, 0o777|os.ModeSticky), os.WriteFile(path, nil, 0o666))
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$")
	cmd.Env, cmd.Dir = []string{"SAFEFILE_STICKY=" + path}, "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: stranger, Gid: stranger}}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	wantAlone(t, dir, "report", "report.own")
}
