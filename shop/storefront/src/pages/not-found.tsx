import { Link } from 'wouter';
import { PageHead } from '../ui/page-head.tsx';

export default function NotFoundPage() {
  return (
    <div className="empty">
      <PageHead title="Nothing here" />
      <h1>Nothing here but water.</h1>
      <p>The page you were looking for is not in this shop, or not any more.</p>
      <Link href="/search" className="button">
        See what there is
      </Link>
    </div>
  );
}
