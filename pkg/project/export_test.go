package project

// Admit is what tests ask of admission, without a member who sees anything.
func Admit(r Roster, p Project) error { return r.admit(nil, p) }
