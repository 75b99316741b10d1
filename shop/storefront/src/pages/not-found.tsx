import { Link } from 'wouter';
import { PageHead } from '../ui/page-head.tsx';

export default function NotFoundPage() {
  return (
    <div className="empty">
      <PageHead title="Page not found" />
      <h1>This page does not exist.</h1>
      <p>The address may be mistyped, or what was here is no longer sold.</p>
      <Link href="/search" className="button">
        Browse all products
      </Link>
    </div>
  );
}
