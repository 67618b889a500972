import altyn.pos.v1.PosServiceOuterClass.AuthorizeCustomerResponse;
import altyn.pos.v1.PosServiceOuterClass.OfflineAllowance;
import altyn.pos.v1.ReceiptOuterClass.*;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.*;

/**
 * What customers may spend while the server is away: the last allowance it gave, and what is spent of it, in one file. See offline.md.
 *
 * Counted as the server counts, by the UTC day on which it was given, and on the disk before it is used: a crash may spend less than
 * was allowed, never more. A file that cannot be read is no allowance.
 */
public final class Allowance {
    private static final long DAY_US = 86_400_000_000L;

    private final Path path;
    private OfflineAllowance given = OfflineAllowance.getDefaultInstance();
    private long day = -1, sumMinor;
    private int receiptsCount;

    public Allowance(Path path) throws IOException {
        this.path = path;
        if (!Files.exists(path)) return;
        try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(Files.readAllBytes(path)))) {
            long kept = in.readLong(), sum = in.readLong();
            int count = in.readInt();
            given = OfflineAllowance.parseFrom(in.readAllBytes());
            day = kept;
            sumMinor = sum;
            receiptsCount = count;
        } catch (IOException unreadable) {
            given = OfflineAllowance.getDefaultInstance();
        }
    }

    /** The server's newest word stands, also when it is none. What was spent today stays spent. */
    public void take(AuthorizeCustomerResponse known) throws IOException {
        long today = known.getServerTimeUs() / DAY_US;
        if (today != day) {
            day = today;
            sumMinor = receiptsCount = 0;
        }
        given = known.getOfflineAllowance();
        write();
    }

    /** What one more receipt may spend now; 0: nothing. */
    public long leftMinor(long nowUs) {
        if (nowUs >= given.getValidUntilUs() || receiptsCount >= given.getReceiptsMax()) return 0;
        return Math.max(0, Math.min(given.getReceiptSumMaxMinor(), given.getSumMaxMinor() - sumMinor));
    }

    /** Let an offline receipt pay so much with points: it brings the allowance. False: it may not, take money. */
    public boolean spend(Receipt.Builder receipt, long paysMinor, long nowUs) throws IOException {
        if (paysMinor <= 0 || paysMinor > leftMinor(nowUs) || isForAReserve(receipt.getIdentity())) return false;
        for (PointsRequest wish : receipt.getPointsList())
            if (given.getAssetsCount() > 0 && !given.getAssetsList().contains(wish.getAsset())) return false;
        receiptsCount++;
        sumMinor += paysMinor;
        write();
        receipt.setMode(Mode.MODE_OFFLINE).setOfflineAllowance(given.getSigned());
        return true;
    }

    /** A code from an app, of whatever kind the till says it is, or a one-time code: only a Reserve looks at them. */
    private static boolean isForAReserve(Identity identity) {
        String value = identity.getValue();
        boolean isToken = value.length() == 34 && value.regionMatches(true, 0, "A1", 0, 2);
        return isToken || identity.getKind() == TokenKind.TOKEN_KIND_QR || !identity.getCode().isEmpty();
    }

    private void write() throws IOException {
        ByteArrayOutputStream stored = new ByteArrayOutputStream();
        DataOutputStream out = new DataOutputStream(stored);
        out.writeLong(day);
        out.writeLong(sumMinor);
        out.writeInt(receiptsCount);
        given.writeTo(out);
        Till.write(path, ByteBuffer.wrap(stored.toByteArray()));
    }
}
