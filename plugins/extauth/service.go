// SPDX-License-Identifier: Apache-2.0

package extauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"tercet/sdk/proto/accountpb"
)

// settings are the options that the server hands over.
type settings struct {
	Command   []string `json:"command"`
	Protocol  string   `json:"protocol"`
	Processes int      `json:"processes"`  // 0: one for each core
	Timeout   int64    `json:"timeout_ms"` // of one answer
}

// A service answers the server.
type service struct {
	accountpb.UnimplementedAccountServer
	log hclog.Logger

	mu   sync.Mutex // guards pool
	pool *pool
}

// Load starts the scripts.
func (s *service) Load(_ context.Context, o *accountpb.Options) (*accountpb.Loaded, error) {
	var set settings
	if err := json.Unmarshal(o.GetJson(), &set); err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "read the options: %v", err)
	}
	proto, ok := protocols[set.Protocol]
	if !ok || len(set.Command) == 0 || set.Processes < 0 || set.Timeout <= 0 {
		return nil, status.Error(codes.InvalidArgument, "the options lack a command, a protocol or a timeout")
	}
	if set.Processes == 0 {
		set.Processes = runtime.GOMAXPROCS(0)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pool != nil {
		return nil, status.Error(codes.FailedPrecondition, "loaded already")
	}
	timeout := time.Duration(set.Timeout) * time.Millisecond
	p, err := newPool(set.Command, proto, set.Processes, timeout, s.log) //nolint:contextcheck // the scripts outlive this call
	if err != nil {
		return nil, status.Error(codes.Unavailable, err.Error())
	}
	s.pool = p
	return &accountpb.Loaded{}, nil
}

// close ends the scripts; a second time it does nothing.
func (s *service) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pool != nil {
		s.pool.close()
		s.pool = nil
	}
}

// Check implements accountpb.AccountServer.
func (s *service) Check(ctx context.Context, c *accountpb.Credentials) (*accountpb.Verdict, error) {
	return s.ask(ctx, opAuth, c.GetAccount(), c)
}

// Exists implements accountpb.AccountServer.
func (s *service) Exists(ctx context.Context, u *accountpb.User) (*accountpb.Verdict, error) {
	return s.ask(ctx, opExists, u, nil)
}

// SetPassword implements accountpb.AccountServer.
func (s *service) SetPassword(ctx context.Context, c *accountpb.Credentials) (*accountpb.Verdict, error) {
	return s.ask(ctx, opSetPassword, c.GetAccount(), c)
}

// Register implements accountpb.AccountServer.
func (s *service) Register(ctx context.Context, c *accountpb.Credentials) (*accountpb.Verdict, error) {
	return s.ask(ctx, opRegister, c.GetAccount(), c)
}

// Remove implements accountpb.AccountServer.
func (s *service) Remove(ctx context.Context, c *accountpb.Credentials) (*accountpb.Verdict, error) {
	if c.GetPassword() == "" {
		return s.ask(ctx, opRemove, c.GetAccount(), nil)
	}
	return s.ask(ctx, opRemoveSecure, c.GetAccount(), c)
}

// ask turns what the script says into a verdict; whatever else happens is
// "unavailable".
func (s *service) ask(ctx context.Context, op string, u *accountpb.User, c *accountpb.Credentials) (*accountpb.Verdict, error) {
	s.mu.Lock()
	p := s.pool
	s.mu.Unlock()
	if p == nil {
		return nil, status.Error(codes.FailedPrecondition, "not loaded")
	}
	yes, err := p.ask(ctx, &question{op: op, user: u.GetUser(), host: u.GetHost(), password: c.GetPassword(), shown: c != nil})
	v := &accountpb.Verdict{}
	switch {
	case err == nil && yes:
		v.Answer = accountpb.Answer_YES
	case err == nil:
		v.Answer, v.Reason = accountpb.Answer_NO, "the script says no"
	case errors.Is(err, errUnfit):
		v.Answer, v.Reason = accountpb.Answer_UNSUPPORTED, err.Error()
	default:
		v.Answer, v.Reason = accountpb.Answer_UNAVAILABLE, fmt.Sprintf("%s: %v", op, err)
	}
	return v, nil
}
