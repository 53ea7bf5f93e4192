// What Go's own means cost: channels as a queue, and as the heart of a worker pool. It prints what
// Google Benchmark would, so that the rows stand beside ours: a time per item, by the wall clock.
//
//	go run . ring|pool
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"
)

const capacity = 1024

type row struct {
	Name           string  `json:"name"`
	RunType        string  `json:"run_type"`
	Label          string  `json:"label"`
	ItemsPerSecond float64 `json:"items_per_second"`
}

var rows []row

func add(subject, contestant, item string, items int, took time.Duration) {
	rows = append(rows, row{
		Name:           subject + "/" + contestant + "/real_time",
		RunType:        "iteration",
		Label:          item,
		ItemsPerSecond: float64(items) / took.Seconds(),
	})
}

func fail(what string) {
	fmt.Fprintln(os.Stderr, what)
	os.Exit(1)
}

func main() {
	suites := map[string]func(){"ring": ring, "pool": pool}
	if len(os.Args) != 2 || suites[os.Args[1]] == nil {
		fail("usage: go run . ring|pool")
	}
	suites[os.Args[1]]()
	out := map[string]any{
		"context":    map[string]any{"go": runtime.Version()},
		"benchmarks": rows,
	}
	if err := json.NewEncoder(os.Stdout).Encode(out); err != nil {
		fail(err.Error())
	}
}

// atOnce runs each function in a goroutine and says how long it takes until the last has returned.
func atOnce(functions ...func()) time.Duration {
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	for _, function := range functions {
		ready.Add(1)
		done.Add(1)
		go func(function func()) {
			ready.Done()
			<-start
			function()
			done.Done()
		}(function)
	}
	ready.Wait()
	began := time.Now()
	close(start)
	done.Wait()
	return time.Since(began)
}
