import { CARDS } from './cards.ts';

export function CardChoice({ value, onChange }: { value: string; onChange: (token: string) => void }) {
  return (
    <>
      <p className="fine">This is a demonstration: no money moves. Choose how the test card behaves.</p>
      <div className="choices">
        {CARDS.map(({ token, name, detail }) => (
          <label className="choice" key={token}>
            <input
              type="radio"
              name="card"
              value={token}
              checked={token === value}
              onChange={() => onChange(token)}
            />
            <span>
              <strong>{name}</strong>
              <span className="fine">{detail}</span>
            </span>
          </label>
        ))}
      </div>
    </>
  );
}
