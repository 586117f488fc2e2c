// SPDX-License-Identifier: Apache-2.0

// Package extauth is a plugin of the server, a process of its own, that asks an
// external script about accounts: in ejabberd's extauth protocol, or in the one
// of Prosody's mod_auth_external_insecure.
package extauth

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"tercet/sdk/proto/accountpb"
)

// lifeline is the file that is a pipe from the server: it ends with it.
const lifeline = 3

// Main is the program; it returns the exit code.
func Main() int {
	log := hclog.New(&hclog.LoggerOptions{Name: "extauth", Level: hclog.Info, Output: os.Stderr, JSONFormat: true})
	s := &service{log: log}
	if os.Getenv(accountpb.CookieKey) == accountpb.CookieValue { // else the file may be anything
		syscall.CloseOnExec(lifeline)
		go watch(os.NewFile(lifeline, "server"), s)
	}
	// A service manager sends these to all processes of a service; logins go on
	// until the server has ended.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGTERM, syscall.SIGHUP)
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: plugin.HandshakeConfig{
			ProtocolVersion: accountpb.Version, MagicCookieKey: accountpb.CookieKey, MagicCookieValue: accountpb.CookieValue,
		},
		Plugins:    plugin.PluginSet{accountpb.PluginName: &served{service: s}},
		GRPCServer: plugin.DefaultGRPCServer,
		Logger:     log,
	})
	s.close()
	return 0
}

// watch ends the program with the server, however that ends.
func watch(server *os.File, s *service) {
	_, _ = io.Copy(io.Discard, server) // until its end, which is what matters
	s.close()
	os.Exit(0) //nolint:forbidigo // there is nobody left to return to
}

// served is the service for go-plugin.
type served struct {
	plugin.NetRPCUnsupportedPlugin
	service *service
}

var _ plugin.GRPCPlugin = (*served)(nil)

// GRPCServer implements plugin.GRPCPlugin.
func (p *served) GRPCServer(_ *plugin.GRPCBroker, g *grpc.Server) error {
	accountpb.RegisterAccountServer(g, p.service)
	return nil
}

// GRPCClient implements plugin.GRPCPlugin.
func (p *served) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, c *grpc.ClientConn) (any, error) {
	return accountpb.NewAccountClient(c), nil
}
