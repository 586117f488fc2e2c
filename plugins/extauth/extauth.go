// SPDX-License-Identifier: Apache-2.0

// Package extauth is a plugin of the server, a process of its own, that asks an
// external script about accounts: in ejabberd's extauth protocol, or in the one
// of Prosody's mod_auth_external_insecure.
package extauth

import (
	"context"
	"io"
	"os"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"tercet/sdk/proto/accountpb"
)

// Main is the program; it returns the exit code. Its standard input stays
// unused; file 3 is a pipe that ends with the server.
func Main() int {
	log := hclog.New(&hclog.LoggerOptions{Name: "extauth", Level: hclog.Info, Output: os.Stderr, JSONFormat: true})
	s := &service{log: log}
	if os.Getenv(accountpb.CookieKey) == accountpb.CookieValue { // else file 3 may be anything
		go watch(os.NewFile(3, "server"), s)
	}
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
