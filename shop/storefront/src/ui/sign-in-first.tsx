import { Link } from 'wouter';
import { logIn } from '../session/use-user.ts';

export function SignInFirst({ what, note }: { what: string; note?: string }) {
  return (
    <div className="empty">
      <p className="lead">Please sign in to {what}.</p>
      {note && <p>{note}</p>}
      <button type="button" className="button button-large" onClick={() => logIn()}>
        Sign in
      </button>
      <p>
        New here? <Link href="/account">Create an account</Link>
      </p>
    </div>
  );
}
