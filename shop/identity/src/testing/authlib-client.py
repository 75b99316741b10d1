"""Authlib as a client: prints where to sign in, reads where the browser ended, prints what it was given."""

import json
import os
import sys

import requests
from authlib.integrations.requests_client import OAuth2Session

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
issuer, client_id, secret, redirect_uri = sys.argv[1:]
metadata = requests.get(issuer + "/.well-known/openid-configuration", timeout=60).json()
session = OAuth2Session(
    client_id,
    secret,
    scope="openid email offline_access",
    redirect_uri=redirect_uri,
    code_challenge_method="S256",
    token_endpoint_auth_method="client_secret_basic",
)
verifier = "v" * 48
url, state = session.create_authorization_url(
    metadata["authorization_endpoint"], code_verifier=verifier, prompt="consent"
)
print(url, flush=True)
end = sys.stdin.readline().strip()
token = session.fetch_token(
    metadata["token_endpoint"], authorization_response=end, code_verifier=verifier, state=state
)
user = session.get(metadata["userinfo_endpoint"]).json()
fresh = session.refresh_token(metadata["token_endpoint"], refresh_token=token["refresh_token"])
print(
    json.dumps(
        {
            "email": user["email"],
            "hasIdToken": "id_token" in token,
            "isRotated": fresh["refresh_token"] != token["refresh_token"],
            "again": session.get(metadata["userinfo_endpoint"]).json()["email"],
        }
    )
)
