//go:build unix

package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

// upgrade is the operator's command in scripts, as its first argument says:
//
//	exit CODE        ends at once
//	copy             copies stdin to stdout
//	write FILE       makes an empty file
//	heed N CODE      makes the file up, prints N signals as they come, each with a file
//	                 heard-1, heard-2, ..., then ends
//	nest N CODE      the same, with a child of its own that heeds one signal, in nested
//	await FILE       makes the file up, then waits for FILE
//	leave FILE       starts a daemon that waits for FILE, and ends
//	killed           ends itself with SIGKILL
func upgrade() {
	switch os.Args[1] {
	case "exit":
		os.Exit(arg(2))
	case "copy":
		must(io.Copy(os.Stdout, os.Stdin))
	case "write":
		must(0, os.WriteFile(os.Args[2], nil, 0o644))
	case "heed":
		heed(arg(2))
		os.Exit(arg(3))
	case "nest":
		nested := nest()
		heed(arg(2))
		must(0, nested.Wait())
		os.Exit(arg(3))
	case "await":
		await(os.Args[2])
	case "leave":
		leave(os.Args[2])
	case "killed":
		must(0, syscall.Kill(os.Getpid(), syscall.SIGKILL))
	}
}

func await(file string) {
	must(0, os.WriteFile("up", nil, 0o644))
	for tick := time.NewTicker(10 * time.Millisecond); ; <-tick.C {
		_, there := os.Stat(file)
		_, gone := os.Stat("up") // with the folder of a script that has ended
		if there == nil || gone != nil {
			return
		}
	}
}

// leave is a command that starts a daemon: it goes on in a session of its own, with none of our streams.
func leave(file string) {
	daemon := exec.Command(os.Args[0], "await", file)
	daemon.Args[0], daemon.SysProcAttr = "upgrade", &syscall.SysProcAttr{Setsid: true}
	must(0, daemon.Start())
}

func heed(n int) {
	signals := make(chan os.Signal, n)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM)
	must(0, os.WriteFile("up", nil, 0o644))
	for i := range n {
		fmt.Println(<-signals)
		must(0, os.WriteFile(fmt.Sprintf("heard-%d", i+1), nil, 0o644))
	}
}

// nest starts the child in a folder of its own and waits until it is up.
func nest() *exec.Cmd {
	must(0, os.Mkdir("nested", 0o755))
	child := exec.Command(os.Args[0], "heed", "1", "0")
	child.Args[0], child.Dir = "upgrade", "nested"
	out, err := os.Create("nested/stdout")
	must(0, err)
	child.Stdout = out
	must(0, child.Start())
	for {
		if _, err := os.Stat("nested/up"); err == nil {
			return child
		}
	}
}

func arg(i int) int { return must(strconv.Atoi(os.Args[i])) }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
