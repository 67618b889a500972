using System;
using System.IO;
using System.Linq;
using Altyn.Pos.V1;
using Google.Protobuf;

/// <summary>
/// What customers may spend while the server is away: the last allowance it gave, and what is spent of it, in one file. See offline.md.
///
/// Counted as the server counts, by the UTC day on which it was given, and on the disk before it is used: a crash may spend less
/// than was allowed, never more. A file that cannot be read is no allowance.
/// </summary>
public sealed class Allowance
{
    private const long DayUs = 86400000000L;

    private readonly string _path;
    private OfflineAllowance _given = new OfflineAllowance();
    private long _day = -1, _sumMinor;
    private int _receiptsCount;

    public Allowance(string path)
    {
        _path = path;
        if (!File.Exists(path)) return;
        try
        {
            using (var reader = new BinaryReader(File.OpenRead(path)))
            {
                long day = reader.ReadInt64(), sumMinor = reader.ReadInt64();
                var receiptsCount = reader.ReadInt32();
                _given = OfflineAllowance.Parser.ParseFrom(reader.ReadBytes((int)reader.BaseStream.Length - 20));
                _day = day;
                _sumMinor = sumMinor;
                _receiptsCount = receiptsCount;
            }
        }
        catch (Exception error) when (error is EndOfStreamException || error is InvalidProtocolBufferException || error is ArgumentException)
        {
            _given = new OfflineAllowance();
        }
    }

    /// <summary>The server's newest word stands, also when it is none. What was spent today stays spent.</summary>
    public void Take(AuthorizeCustomerResponse known)
    {
        var today = known.ServerTimeUs / DayUs;
        if (today != _day)
        {
            _day = today;
            _sumMinor = _receiptsCount = 0;
        }
        _given = known.OfflineAllowance ?? new OfflineAllowance();
        Write();
    }

    /// <summary>What one more receipt may spend now; 0: nothing.</summary>
    public long LeftMinor(long nowUs)
    {
        if (nowUs >= _given.ValidUntilUs || _receiptsCount >= _given.ReceiptsMax) return 0;
        return Math.Max(0, Math.Min(_given.ReceiptSumMaxMinor, _given.SumMaxMinor - _sumMinor));
    }

    /// <summary>Let an offline receipt pay so much with points: it brings the allowance. False: it may not, take money.</summary>
    public bool Spend(Receipt receipt, long paysMinor, long nowUs)
    {
        if (paysMinor <= 0 || paysMinor > LeftMinor(nowUs) || IsForAReserve(receipt.Identity)) return false;
        if (_given.Assets.Count > 0 && receipt.Points.Any(wish => !_given.Assets.Contains(wish.Asset))) return false;
        _receiptsCount++;
        _sumMinor += paysMinor;
        Write();
        receipt.Mode = Mode.Offline;
        receipt.OfflineAllowance = _given.Signed;
        return true;
    }

    /// A code from an app, of whatever kind the till says it is, or a one-time code: only a Reserve looks at them.
    private static bool IsForAReserve(Identity identity)
    {
        if (identity == null) return false;
        var isToken = identity.Value.Length == 34 && identity.Value.StartsWith("A1", StringComparison.OrdinalIgnoreCase);
        return isToken || identity.Kind == TokenKind.Qr || identity.Code != "";
    }

    private void Write()
    {
        using (var stored = new MemoryStream())
        using (var writer = new BinaryWriter(stored))
        {
            writer.Write(_day);
            writer.Write(_sumMinor);
            writer.Write(_receiptsCount);
            writer.Write(_given.ToByteArray());
            Till.Write(_path, stored.ToArray());
        }
    }
}
