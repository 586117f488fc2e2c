// SPDX-License-Identifier: Apache-2.0

package lua

// Served are the libraries that need the live server.
var Served = served
