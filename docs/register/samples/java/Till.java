import altyn.pos.v1.OutcomeOuterClass.Status;
import altyn.pos.v1.PosServiceOuterClass.*;
import altyn.pos.v1.ReceiptOuterClass.Identity;
import altyn.pos.v1.ReceiptOuterClass.InputMethod;
import altyn.pos.v1.ReceiptOuterClass.Receipt;
import altyn.pos.v1.ReceiptOuterClass.TokenKind;
import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.RetryInfo;
import io.grpc.*;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.ClientCalls;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.*;
import java.security.*;
import java.util.*;
import java.util.concurrent.*;
import static java.nio.file.StandardOpenOption.*;

/**
 * A till's side of the conversation: an operation is saved first and sent after; every repeat sends the saved bytes.
 *
 * One file per operation in one folder, named by register_seq, so that the order of names is the order of making. A file goes
 * away only when its answer was read. Used from one thread; one process per folder.
 */
public final class Till implements AutoCloseable {
    /** Nobody knows what became of the attempt: the same bytes go again. */
    private static final Set<io.grpc.Status.Code> SILENT = EnumSet.of(
        io.grpc.Status.Code.UNAVAILABLE, io.grpc.Status.Code.DEADLINE_EXCEEDED, io.grpc.Status.Code.INTERNAL,
        io.grpc.Status.Code.UNKNOWN, io.grpc.Status.Code.CANCELLED, io.grpc.Status.Code.ABORTED,
        io.grpc.Status.Code.RESOURCE_EXHAUSTED);
    /** The bytes will never do: a person has to look. */
    private static final Set<io.grpc.Status.Code> UNREADABLE = EnumSet.of(
        io.grpc.Status.Code.INVALID_ARGUMENT, io.grpc.Status.Code.OUT_OF_RANGE);
    private static final int ATTEMPTS_MAX = 4;
    private static final long ATTEMPT_MS = 1000, CALCULATE_MS = 400;

    /** What became of an operation: the server's status, QUEUED (nobody has answered) or REFUSED (see the details). */
    public record Told(String status, String details) {}

    private record Operation(Path path, String call, byte[] body) {}

    private final SecureRandom random = new SecureRandom();
    private final ManagedChannel channel;
    private final CallOptions withKey;
    private final String storeId, registerId;
    private final Path queue;
    private long registerSeq;

    /** Plain text is for a server on this machine; over a network give {@code TlsChannelCredentials.create()}. */
    public Till(String target, ChannelCredentials credentials, String storeId, String registerId, String key, Path queue)
            throws IOException {
        this.storeId = storeId;
        this.registerId = registerId;
        this.queue = Files.createDirectories(queue);
        channel = Grpc.newChannelBuilder(target, credentials)
            .keepAliveTime(45, TimeUnit.SECONDS).keepAliveTimeout(10, TimeUnit.SECONDS).keepAliveWithoutCalls(true)
            .disableRetry().build();
        withKey = CallOptions.DEFAULT.withCallCredentials(new Key(key));
        registerSeq = Files.exists(queue.resolve("seq")) ? Long.parseLong(Files.readString(queue.resolve("seq")).trim()) : 0;
        for (Path path : files("")) registerSeq = Math.max(registerSeq, Long.parseLong(path.getFileName().toString().substring(0, 19)));
    }

    /** At the start: connects and loads classes, so that the first customer does not pay for it. Whether the server is there. */
    public boolean warmUp() {
        byte[] asked = GetOperationRequest.newBuilder().setOpId(newOpId()).setStoreId(storeId).setRegisterId(registerId).build().toByteArray();
        try {
            return call("GetOperation", asked, 5000).length > 0;
        } catch (StatusRuntimeException error) {
            return false;
        }
    }

    // CALLS WITHOUT EFFECTS

    /**
     * What does the receipt cost now? Empty: nobody answered; sell at shelf prices, offline. {@code calcToken}: of the calculation
     * before, empty for the first; it keeps a customer whose code from an app has ended meanwhile.
     */
    public Optional<CalculateReceiptResponse> calculate(Receipt receipt, ByteString calcToken) throws IOException {
        byte[] request = CalculateReceiptRequest.newBuilder().setCalcToken(calcToken).setReceipt(receipt).build().toByteArray();
        byte[] reply = ask("CalculateReceipt", request, CALCULATE_MS);
        return reply == null ? Optional.empty() : Optional.of(CalculateReceiptResponse.parseFrom(reply));
    }

    /** Who is this? Empty: nobody answered. Give the answer to {@link Allowance#take}. */
    public Optional<AuthorizeCustomerResponse> authorize(Identity identity, long localTimeUs, int utcOffsetMinutes) throws IOException {
        byte[] request = AuthorizeCustomerRequest.newBuilder().setStoreId(storeId).setRegisterId(registerId).setIdentity(identity)
            .setLocalTimeUs(localTimeUs).setUtcOffsetMinutes(utcOffsetMinutes).build().toByteArray();
        byte[] reply = ask("AuthorizeCustomer", request, ATTEMPT_MS);
        return reply == null ? Optional.empty() : Optional.of(AuthorizeCustomerResponse.parseFrom(reply));
    }

    /** Have a one-time code sent to whoever owns this phone; whether anybody does is never told. Empty: nobody answered. */
    public Optional<SendOneTimeCodeResponse> sendCode(String phone) throws IOException {
        byte[] request = SendOneTimeCodeRequest.newBuilder().setStoreId(storeId).setRegisterId(registerId)
            .setIdentity(Identity.newBuilder().setKind(TokenKind.TOKEN_KIND_PHONE).setValue(phone)).build().toByteArray();
        byte[] reply = ask("SendOneTimeCode", request, ATTEMPT_MS);
        return reply == null ? Optional.empty() : Optional.of(SendOneTimeCodeResponse.parseFrom(reply));
    }

    // WHAT A CUSTOMER SHOWS: as it was read, in every call of the receipt; see identification.md

    public static Identity card(String number) {
        return Identity.newBuilder().setKind(TokenKind.TOKEN_KIND_CARD).setValue(number).setInputMethod(InputMethod.INPUT_METHOD_SCAN).build();
    }

    /** The code an app shows: a new one every minute. Once seen by a calculation, its calc_token keeps the customer. */
    public static Identity qr(String shown) {
        return Identity.newBuilder().setKind(TokenKind.TOKEN_KIND_QR).setValue(shown).setInputMethod(InputMethod.INPUT_METHOD_QR).build();
    }

    /** A phone; with the six digits its owner was sent it may pay. {@code code}: empty without. */
    public static Identity phone(String number, String code) {
        return Identity.newBuilder().setKind(TokenKind.TOKEN_KIND_PHONE).setValue(number).setCode(code)
            .setInputMethod(code.isEmpty() ? InputMethod.INPUT_METHOD_PHONE : InputMethod.INPUT_METHOD_PHONE_CODE).build();
    }

    // CALLS WITH EFFECTS: saved, then sent

    public Told reserve(Receipt receipt, ByteString calcToken) throws IOException {
        long seq = nextSeq();
        return deliver(save(seq, "ReserveReceipt", ReserveReceiptRequest.newBuilder().setOpId(newOpId()).setRegisterSeq(seq)
            .setCalcToken(calcToken).setReceipt(receipt).build().toByteArray()));
    }

    /** The receipt is sold and printed. QUEUED is as good as sent: show "accepted, to be confirmed". */
    public Told commit(Receipt receipt, ByteString calcToken) throws IOException {
        long seq = nextSeq();
        return deliver(save(seq, "CommitReceipt", CommitReceiptRequest.newBuilder().setOpId(newOpId()).setRegisterSeq(seq)
            .setCalcToken(calcToken).setReceipt(receipt).build().toByteArray()));
    }

    /** Goods came back: {@code receipt.original} and each line's {@code refund_of} name the sale. */
    public Told giveBack(Receipt receipt) throws IOException {
        long seq = nextSeq();
        return deliver(save(seq, "ReturnReceipt", ReturnReceiptRequest.newBuilder().setOpId(newOpId()).setRegisterSeq(seq)
            .setReceipt(receipt).build().toByteArray()));
    }

    /** Void a receipt, whether it was reserved, committed, or nobody knows. */
    public Told cancel(long shiftNumber, long receiptNumber, long localTimeUs, int utcOffsetMinutes) throws IOException {
        long seq = nextSeq();
        return deliver(save(seq, "CancelReceipt", CancelReceiptRequest.newBuilder().setOpId(newOpId()).setRegisterSeq(seq)
            .setStoreId(storeId).setRegisterId(registerId).setShiftNumber(shiftNumber).setReceiptNumber(receiptNumber)
            .setLocalTimeUs(localTimeUs).setUtcOffsetMinutes(utcOffsetMinutes).build().toByteArray()));
    }

    // DOUBT

    /** What did the server do with the commit of this receipt, still queued here? Asks first, sends only what never arrived. */
    public Told settle(long shiftNumber, long receiptNumber) throws IOException {
        for (Operation operation : pending()) {
            if (!operation.call().equals("CommitReceipt")) continue;
            CommitReceiptRequest sold = CommitReceiptRequest.parseFrom(operation.body());
            Receipt receipt = sold.getReceipt();
            if (receipt.getShiftNumber() != shiftNumber || receipt.getReceiptNumber() != receiptNumber) continue;
            byte[] asked = GetOperationRequest.newBuilder().setOpId(sold.getOpId()).setStoreId(storeId)
                .setRegisterId(registerId).build().toByteArray();
            try {
                GetOperationResponse known = GetOperationResponse.parseFrom(call("GetOperation", asked, ATTEMPT_MS));
                if (known.getReply().isEmpty()) return attempt(operation, ATTEMPTS_MAX);   // OPERATION_UNKNOWN
                Files.delete(operation.path());
                return new Told(name(CommitReceiptResponse.parseFrom(known.getReply()).getStatus()), "");
            } catch (StatusRuntimeException error) {
                if (SILENT.contains(error.getStatus().getCode())) return new Told("QUEUED", error.getMessage());
                throw error;
            }
        }
        return new Told("OK", "nothing is owed for this receipt");
    }

    /** After a start and every few seconds: what is unanswered, oldest first, up to the first silence. How many are left. */
    public int drain() throws IOException {
        for (Operation operation : pending())
            if (attempt(operation, 1).status().equals("QUEUED")) break;
        return files(".op").size();
    }

    @Override public void close() {
        channel.shutdownNow();
    }

    // INSIDE

    /** Older operations on the same receipt go first; all share the patience of this one. */
    private Told deliver(Operation operation) throws IOException {
        String receipt = receiptOf(operation);
        for (Operation earlier : pending()) {
            if (earlier.path().equals(operation.path())) break;
            if (receiptOf(earlier).equals(receipt)) attempt(earlier, 1);
        }
        return attempt(operation, ATTEMPTS_MAX);
    }

    /** The same bytes until an answer: exponential back-off with full jitter, and the server's own wish on top. */
    private Told attempt(Operation operation, int attemptsMax) throws IOException {
        for (int failures = 1; ; failures++) {
            try {
                Status status = statusOf(operation.call(), call(operation.call(), operation.body(), ATTEMPT_MS));
                if (status == Status.STATUS_UNSPECIFIED) return new Told("QUEUED", "a reply that says nothing");
                Files.delete(operation.path());             // OK, DECLINED, CONFLICT, QUARANTINED, PARKED: all final
                return new Told(name(status), "");
            } catch (InvalidProtocolBufferException error) {
                return new Told("QUEUED", "a reply that cannot be read");
            } catch (StatusRuntimeException error) {
                io.grpc.Status.Code code = error.getStatus().getCode();
                if (UNREADABLE.contains(code)) {
                    String aside = operation.path().getFileName().toString().replace(".op", ".refused");
                    Files.move(operation.path(), queue.resolve(aside), StandardCopyOption.ATOMIC_MOVE);
                    return new Told("REFUSED", error.getMessage());
                }
                if (!SILENT.contains(code)) return new Told("REFUSED", error.getMessage());   // a wrong key: stays queued
                if (failures >= attemptsMax) return new Told("QUEUED", error.getMessage());
                pause(ThreadLocalRandom.current().nextLong(50L << failures) + wishMs(error));
            }
        }
    }

    /** One attempt of a call without effects; null: nobody answered. */
    private byte[] ask(String name, byte[] request, long timeoutMs) {
        try {
            return call(name, request, timeoutMs);
        } catch (StatusRuntimeException error) {
            if (SILENT.contains(error.getStatus().getCode())) return null;
            throw error;
        }
    }

    private byte[] call(String name, byte[] request, long timeoutMs) {
        MethodDescriptor<byte[], byte[]> method = MethodDescriptor.newBuilder(Raw.BYTES, Raw.BYTES)
            .setType(MethodDescriptor.MethodType.UNARY).setFullMethodName("altyn.pos.v1.PosService/" + name).build();
        return ClientCalls.blockingUnaryCall(channel, method, withKey.withDeadlineAfter(timeoutMs, TimeUnit.MILLISECONDS), request);
    }

    private static Status statusOf(String call, byte[] reply) throws InvalidProtocolBufferException {
        return switch (call) {
            case "ReserveReceipt" -> ReserveReceiptResponse.parseFrom(reply).getStatus();
            case "CommitReceipt" -> CommitReceiptResponse.parseFrom(reply).getStatus();
            case "CancelReceipt" -> CancelReceiptResponse.parseFrom(reply).getStatus();
            default -> ReturnReceiptResponse.parseFrom(reply).getStatus();
        };
    }

    private static String name(Status status) {
        // A status of a later contract is an answer all the same.
        return status == Status.UNRECOGNIZED ? "OK" : status.name().substring("STATUS_".length());
    }

    private String receiptOf(Operation operation) throws IOException {
        if (operation.call().equals("CancelReceipt")) {
            CancelReceiptRequest request = CancelReceiptRequest.parseFrom(operation.body());
            return request.getShiftNumber() + "/" + request.getReceiptNumber();
        }
        // Field 4 is the receipt in all other effect calls.
        Receipt receipt = CommitReceiptRequest.parseFrom(operation.body()).getReceipt();
        return receipt.getShiftNumber() + "/" + receipt.getReceiptNumber();
    }

    /** UUID version 7: 48 bits of time, 74 random bits. */
    private ByteString newOpId() {
        byte[] id = new byte[16];
        random.nextBytes(id);
        long moment = System.currentTimeMillis();
        for (int place = 5; place >= 0; place--, moment >>= 8) id[place] = (byte) moment;
        id[6] = (byte) (0x70 | (id[6] & 0x0F));
        id[8] = (byte) (0x80 | (id[8] & 0x3F));
        return ByteString.copyFrom(id);
    }

    /** The number is on the disk before it is used: no power cut brings it back. */
    private long nextSeq() throws IOException {
        write(queue.resolve("seq"), ByteBuffer.wrap(Long.toString(++registerSeq).getBytes()));
        return registerSeq;
    }

    private Operation save(long seq, String call, byte[] body) throws IOException {
        Path path = queue.resolve(String.format("%019d-%s.op", seq, call));
        write(path, ByteBuffer.allocate(32 + body.length).put(sha256(body)).put(body).flip());
        return new Operation(path, call, body);
    }

    /** Whole or not at all: flushed under another name, then renamed. */
    static void write(Path path, ByteBuffer stored) throws IOException {
        Path fresh = path.resolveSibling(path.getFileName() + ".new");
        try (FileChannel file = FileChannel.open(fresh, CREATE, TRUNCATE_EXISTING, WRITE)) {
            while (stored.hasRemaining()) file.write(stored);
            file.force(true);
        }
        Files.move(fresh, path, StandardCopyOption.ATOMIC_MOVE);
        if (!System.getProperty("os.name").startsWith("Windows"))
            try (FileChannel folder = FileChannel.open(path.toAbsolutePath().getParent(), READ)) { folder.force(true); }
    }

    private List<Operation> pending() throws IOException {
        List<Operation> found = new ArrayList<>();
        for (Path path : files(".op")) {
            byte[] stored = Files.readAllBytes(path), body = Arrays.copyOfRange(stored, 32, Math.max(32, stored.length));
            if (stored.length < 32 || !Arrays.equals(sha256(body), 0, 32, stored, 0, 32))
                throw new IOException(path + " is damaged: keep it and reconcile the shift");
            String name = path.getFileName().toString();
            found.add(new Operation(path, name.substring(20, name.length() - 3), body));
        }
        return found;
    }

    private List<Path> files(String suffix) throws IOException {
        try (var all = Files.list(queue)) {
            return all.filter(each -> each.getFileName().toString().matches("\\d{19}-\\w+\\.(op|refused)"))
                .filter(each -> each.toString().endsWith(suffix)).sorted().toList();
        }
    }

    private static long wishMs(StatusRuntimeException error) {
        com.google.rpc.Status status = StatusProto.fromThrowable(error);
        if (status != null)
            for (com.google.protobuf.Any detail : status.getDetailsList())
                if (detail.is(RetryInfo.class))
                    try {
                        var delay = detail.unpack(RetryInfo.class).getRetryDelay();
                        return delay.getSeconds() * 1000 + delay.getNanos() / 1_000_000;
                    } catch (InvalidProtocolBufferException unreadable) {
                        return 0;
                    }
        return 0;
    }

    private static void pause(long ms) {
        try {
            Thread.sleep(ms);
        } catch (InterruptedException asked) {
            Thread.currentThread().interrupt();
        }
    }

    private static byte[] sha256(byte[] body) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(body);
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    /** The register's key, sent with every call. */
    private static final class Key extends CallCredentials {
        private static final Metadata.Key<String> NAME = Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);
        private final Metadata headers = new Metadata();

        Key(String key) { headers.put(NAME, "Bearer " + key); }

        @Override public void applyRequestMetadata(RequestInfo call, Executor executor, MetadataApplier applier) { applier.apply(headers); }

        @Override public void thisUsesUnstableApi() {}
    }

    /** Bytes as they are: what was saved is what is sent. */
    private enum Raw implements MethodDescriptor.Marshaller<byte[]> {
        BYTES;

        @Override public InputStream stream(byte[] bytes) { return new ByteArrayInputStream(bytes); }

        @Override public byte[] parse(InputStream stream) {
            try {
                return stream.readAllBytes();
            } catch (IOException error) {
                throw new UncheckedIOException(error);
            }
        }
    }
}
