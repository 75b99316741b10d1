import { useMutation } from '@tanstack/react-query';
import { AddressList } from '../account/address-list.tsx';
import { ProfilePanel } from '../account/profile-form.tsx';
import { SessionList } from '../account/session-list.tsx';
import { SignUp } from '../account/sign-up.tsx';
import type { User } from '../api/types.ts';
import { logIn, useLogOut, useUser } from '../session/use-user.ts';
import { Failure } from '../ui/failure.tsx';
import { PageHead } from '../ui/page-head.tsx';
import { UserUnknown } from '../ui/user-unknown.tsx';

export default function AccountPage() {
  const { user } = useUser();
  return (
    <>
      <PageHead title="Your account" />
      {user ? (
        <Signed user={user} />
      ) : user === null ? (
        <Guest />
      ) : (
        <>
          <h1>Your account</h1>
          <UserUnknown />
        </>
      )}
    </>
  );
}

function Guest() {
  return (
    <>
      <h1>Sign in, or create an account</h1>
      <div className="halves">
        <section className="panel" aria-labelledby="new">
          <h2 id="new">New customer</h2>
          <SignUp />
        </section>
        <section className="panel" aria-labelledby="known">
          <h2 id="known">Existing customer</h2>
          <p>You sign in on a separate page and come back here.</p>
          <button type="button" className="button button-large" onClick={() => logIn()}>
            Sign in
          </button>
        </section>
      </div>
    </>
  );
}

function Signed({ user }: { user: User }) {
  const logOut = useMutation({ mutationFn: useLogOut() });
  return (
    <>
      <h1>Hello{user.name && `, ${user.name}`}</h1>
      <p className="lead">{user.email}</p>
      <p>
        <button
          type="button"
          className="button button-quiet"
          onClick={() => logOut.mutate()}
          disabled={logOut.isPending}
        >
          {logOut.isPending ? 'Signing out …' : 'Sign out'}
        </button>
      </p>
      {logOut.isError && <Failure error={logOut.error} what="You are still signed in" />}
      <ProfilePanel />
      <AddressList />
      <SessionList />
    </>
  );
}
