// SPDX-License-Identifier: Apache-2.0

// Package lane keeps order at one destination (an account, a room, a node)
// without ever blocking the sender.
package lane

// A Lane runs functions one at a time. The zero Lane is ready.
type Lane struct{}

// TryEnter takes the lane if it is free.
func (l *Lane) TryEnter() bool { panic("soon") }

// Leave gives the lane back after a TryEnter that returned true.
func (l *Lane) Leave() { panic("soon") }

// Do runs fn now if the lane is free; else it queues fn and returns.
func (l *Lane) Do(fn func()) { panic("soon") }

// Len is the number of functions that wait.
func (l *Lane) Len() int { panic("soon") }
