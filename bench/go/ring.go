package main

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

const messages = 1 << 19

// A channel has no batch, and so no rows beside those for 8, 64 and 256: a slice would be one message.
func ring() {
	sameThread()
	for _, pairs := range []int{1, 2, 4} {
		throughGoroutines(pairs)
	}
}

func sameThread() {
	queue := make(chan uint64, capacity)
	began := time.Now()
	for i := uint64(1); i <= messages; i++ {
		queue <- i
		if <-queue != i {
			fail("a message is missing")
		}
	}
	add("same thread, batch 1", "Go channel", "message", messages, time.Since(began))
}

func throughGoroutines(pairs int) {
	queue := make(chan uint64, capacity)
	var producing sync.WaitGroup
	var sum uint64
	each := messages / pairs
	var functions []func()
	for i := 0; i < pairs; i++ {
		producing.Add(1)
		functions = append(functions, func() {
			for value := 1; value <= each; value++ {
				queue <- uint64(value)
			}
			producing.Done()
		}, func() {
			var mine uint64
			for value := range queue {
				mine += value
			}
			atomic.AddUint64(&sum, mine)
		})
	}
	functions = append(functions, func() {
		producing.Wait()
		close(queue)
	})
	took := atOnce(functions...)
	if sum != uint64(pairs)*uint64(each)*uint64(each+1)/2 {
		fail("messages are missing")
	}
	add(fmt.Sprintf("%dP%dC, batch 1", pairs, pairs), "Go channel", "message", messages, took)
}
