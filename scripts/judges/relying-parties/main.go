// OpenID clients of Go: `relying-parties go-oidc|zitadel ISSUER CLIENT SECRET REDIRECT-URI` prints where to sign in, reads where the browser
// ended, and prints what the client was given (JSON). Ends with 1 and the client's message when something does not work.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/zitadel/oidc/v3/pkg/client/rp"
	zitadel "github.com/zitadel/oidc/v3/pkg/oidc"
	"golang.org/x/oauth2"
)

const (
	state = "some-state"
	nonce = "some-nonce"
)

type client struct {
	issuer, id, secret, redirect string
}

type outcome struct {
	Subject       string `json:"subject"`
	IDTokenEmail  string `json:"idTokenEmail"`
	UserinfoEmail string `json:"userinfoEmail"`
	IsRotated     bool   `json:"isRotated"`
	Again         string `json:"again"`
	SpentCode     string `json:"spentCode"`
}

func main() {
	if len(os.Args) != 6 {
		fail(errors.New("usage: relying-parties go-oidc|zitadel ISSUER CLIENT SECRET REDIRECT-URI"))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	flows := map[string]func(context.Context, client) (outcome, error){"go-oidc": goOIDC, "zitadel": ofZitadel}
	flow, isKnown := flows[os.Args[1]]
	if !isKnown {
		fail(fmt.Errorf("not a client: %s", os.Args[1]))
	}
	result, err := flow(ctx, client{os.Args[2], os.Args[3], os.Args[4], os.Args[5]})
	fail(err)
	fail(json.NewEncoder(os.Stdout).Encode(result))
}

var scopes = []string{"openid", "email", "offline_access"}

// golang.org/x/oauth2 with coreos/go-oidc; how the secret is sent is left for x/oauth2 to find out.
func goOIDC(ctx context.Context, c client) (result outcome, err error) {
	provider, err := oidc.NewProvider(ctx, c.issuer)
	if err != nil {
		return result, err
	}
	config := oauth2.Config{
		ClientID: c.id, ClientSecret: c.secret, Endpoint: provider.Endpoint(), RedirectURL: c.redirect, Scopes: scopes,
	}
	verifier := oauth2.GenerateVerifier()
	code, err := signIn(config.AuthCodeURL(state,
		oauth2.S256ChallengeOption(verifier), oidc.Nonce(nonce), oauth2.SetAuthURLParam("prompt", "consent")))
	if err != nil {
		return result, err
	}
	token, err := config.Exchange(ctx, code, oauth2.VerifierOption(verifier))
	if err != nil {
		return result, err
	}
	raw, _ := token.Extra("id_token").(string)
	idToken, err := provider.Verifier(&oidc.Config{ClientID: c.id}).Verify(ctx, raw)
	if err != nil {
		return result, err
	}
	if idToken.Nonce != nonce {
		return result, fmt.Errorf("the nonce is %q", idToken.Nonce)
	}
	var claims struct {
		Email string `json:"email"`
	}
	if err := idToken.Claims(&claims); err != nil {
		return result, err
	}
	user, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return result, err
	}
	fresh, err := config.TokenSource(ctx, &oauth2.Token{RefreshToken: token.RefreshToken}).Token()
	if err != nil {
		return result, err
	}
	again, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(fresh))
	if err != nil {
		return result, err
	}
	_, spent := config.Exchange(ctx, code, oauth2.VerifierOption(verifier))
	return outcome{
		Subject: idToken.Subject, IDTokenEmail: claims.Email, UserinfoEmail: user.Email,
		IsRotated: fresh.RefreshToken != token.RefreshToken, Again: again.Email, SpentCode: codeOf(spent),
	}, nil
}

// The client of zitadel/oidc.
func ofZitadel(ctx context.Context, c client) (result outcome, err error) {
	party, err := rp.NewRelyingPartyOIDC(ctx, c.issuer, c.id, c.secret, c.redirect, scopes)
	if err != nil {
		return result, err
	}
	verifier := oauth2.GenerateVerifier()
	code, err := signIn(rp.AuthURL(state, party,
		rp.WithCodeChallenge(oauth2.S256ChallengeFromVerifier(verifier)), rp.WithPrompt("consent")))
	if err != nil {
		return result, err
	}
	tokens, err := rp.CodeExchange[*zitadel.IDTokenClaims](ctx, code, party, rp.WithCodeVerifier(verifier))
	if err != nil {
		return result, err
	}
	subject := tokens.IDTokenClaims.Subject
	user, err := rp.Userinfo[*zitadel.UserInfo](ctx, tokens.AccessToken, tokens.TokenType, subject, party)
	if err != nil {
		return result, err
	}
	fresh, err := rp.RefreshTokens[*zitadel.IDTokenClaims](ctx, party, tokens.RefreshToken, "", "")
	if err != nil {
		return result, err
	}
	again, err := rp.Userinfo[*zitadel.UserInfo](ctx, fresh.AccessToken, fresh.TokenType, subject, party)
	if err != nil {
		return result, err
	}
	_, spent := rp.CodeExchange[*zitadel.IDTokenClaims](ctx, code, party, rp.WithCodeVerifier(verifier))
	return outcome{
		Subject: subject, IDTokenEmail: tokens.IDTokenClaims.Email, UserinfoEmail: user.Email,
		IsRotated: fresh.RefreshToken != tokens.RefreshToken, Again: again.Email, SpentCode: codeOf(spent),
	}, nil
}

// Has somebody sign in at the address, and gives the code that they bring back.
func signIn(address string) (string, error) {
	fmt.Println(address)
	line := bufio.NewScanner(os.Stdin)
	if !line.Scan() {
		return "", errors.New("nobody signed in")
	}
	back, err := url.Parse(line.Text())
	if err != nil {
		return "", err
	}
	query := back.Query()
	if query.Get("state") != state {
		return "", fmt.Errorf("the state is %q", query.Get("state"))
	}
	return query.Get("code"), nil
}

func codeOf(err error) string {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) {
		return refused.ErrorCode
	}
	return fmt.Sprint(err)
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
