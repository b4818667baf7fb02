package route

import "net/http"

// Fail answers what no operation serves, an upload as an example, with the failure's problem.
func Fail(w http.ResponseWriter, err error) { (&response{ResponseWriter: w}).fail(err) }
