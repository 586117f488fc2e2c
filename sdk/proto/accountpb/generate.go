// SPDX-License-Identifier: Apache-2.0

// Package accountpb is sdk/proto/account.proto in Go.
package accountpb

//go:generate go run ../../../scripts/protogen ../account.proto .
