import { Link } from 'wouter';

export function Footer() {
  return (
    <footer className="footer">
      <div className="footer-in">
        <p className="footer-line">Every order is confirmed, or fully refunded.</p>
        <ul>
          <li>
            <Link href="/search">All products</Link>
          </li>
          <li>
            <Link href="/purchases">Your orders</Link>
          </li>
          <li>
            <Link href="/account">Your account</Link>
          </li>
          <li>
            <a href="/docs">API</a>
          </li>
        </ul>
      </div>
    </footer>
  );
}
