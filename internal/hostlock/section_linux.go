package hostlock

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// A section is short: whoever is in it writes one small file. sectionWait is much longer
// than that, so only a frozen process makes others give up.
const (
	sectionWait  = 5 * time.Second
	sectionPause = 5 * time.Millisecond
)

// Section waits until no other run of this user is in the section of that name, and enters
// it until leave. It is an error after 5 s.
func Section(name string) (leave func(), err error) {
	p, err := ownPlace()
	if err != nil {
		return nil, err
	}
	return p.section(name)
}

func (p place) section(name string) (leave func(), err error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	f, err := p.open(true)
	if err != nil {
		return nil, err
	}
	file := name + ".section"
	fd, err := f.lock(file)
	for began := time.Now(); errors.Is(err, unix.EWOULDBLOCK); fd, err = f.lock(file) {
		if time.Since(began) > sectionWait {
			err = fmt.Errorf("another balanced has been in section %s for %v", name, sectionWait)
			break
		}
		time.Sleep(sectionPause)
	}
	if err != nil {
		f.close()
		return nil, err
	}
	return func() {
		_ = unix.Unlinkat(f.fd, file, 0)
		unix.Close(fd)
		f.close()
	}, nil
}
