package main

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

var sink atomic.Uint64

func compute(rounds int) {
	value := uint64(rounds)
	for i := 0; i < rounds; i++ {
		value = value*6364136223846793005 + 1442695040888963407
	}
	if value == 0 { // never, but the compiler can't know
		sink.Store(value)
	}
}

// How many rounds of compute take a microsecond, going by the best of some tries.
func roundsPerMicrosecond() int {
	const rounds = 100000
	best := time.Hour
	for i := 0; i < 20; i++ {
		began := time.Now()
		compute(rounds)
		if took := time.Since(began); took < best {
			best = took
		}
	}
	return int(rounds * float64(time.Microsecond) / float64(best))
}

func pool() {
	micro := roundsPerMicrosecond()
	for _, workers := range []int{1, 2, 4, 8, 16, 32, 64} {
		for _, batch := range []int{64, 1} {
			load{workers, batch, 100000, 0, "empty"}.run()
			load{workers, batch, 20000, micro, "1 us"}.run()
		}
	}
}

type load struct {
	workers, batch, tasks, rounds int
	task                          string
}

// Workers that range over a channel of functions, or of slices of functions: a channel has no batches
// of its own, and this is how a Go program makes them.
func (l load) run() {
	var done atomic.Uint64
	task := func() {
		compute(l.rounds)
		done.Add(1)
	}
	submit, took := "batch", time.Duration(0)
	if l.batch == 1 {
		submit, took = "single", l.single(task)
	} else {
		took = l.batches(task)
	}
	if done.Load() != uint64(l.tasks) {
		fail("tasks are missing")
	}
	add(fmt.Sprintf("%d workers, %s submit, %s task", l.workers, submit, l.task), "Go channel", "task",
		l.tasks, took)
}

func (l load) single(task func()) time.Duration {
	queue := make(chan func(), capacity)
	working := l.start(func() {
		for task := range queue {
			task()
		}
	})
	began := time.Now()
	for i := 0; i < l.tasks; i++ {
		queue <- task
	}
	close(queue)
	working.Wait()
	return time.Since(began)
}

func (l load) batches(task func()) time.Duration {
	queue := make(chan []func(), capacity)
	working := l.start(func() {
		for some := range queue {
			for _, task := range some {
				task()
			}
		}
	})
	began := time.Now()
	for left := l.tasks; left > 0; left -= l.batch {
		some := make([]func(), 0, l.batch)
		for len(some) < l.batch && len(some) < left {
			some = append(some, task)
		}
		queue <- some
	}
	close(queue)
	working.Wait()
	return time.Since(began)
}

func (l load) start(work func()) *sync.WaitGroup {
	var working sync.WaitGroup
	for i := 0; i < l.workers; i++ {
		working.Add(1)
		go func() {
			work()
			working.Done()
		}()
	}
	return &working
}
