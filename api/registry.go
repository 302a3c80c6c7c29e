package api

// AuthConfig is who the user is at a registry: the document of X-Registry-Auth
// and of POST /auth. It is never shown or logged.
type AuthConfig struct {
	Username      string `json:"username,omitempty"`
	Password      string `json:"password,omitempty"`
	Auth          string `json:"auth,omitempty"` // base64 of username:password, in place of both
	Email         string `json:"email,omitempty"`
	ServerAddress string `json:"serveraddress,omitempty"`
	IdentityToken string `json:"identitytoken,omitempty"` // buys tokens in place of a password
	RegistryToken string `json:"registrytoken,omitempty"` // sent as it is
}

// AuthResponse is the answer of POST /auth.
type AuthResponse struct {
	Status        string
	IdentityToken string `json:",omitempty"`
}

// SearchResult is one row of the answer of GET /images/search.
type SearchResult struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	StarCount   int    `json:"star_count"`
	IsOfficial  bool   `json:"is_official"`
	IsTrusted   bool   `json:"is_trusted"`
	IsAutomated bool   `json:"is_automated"`
}
