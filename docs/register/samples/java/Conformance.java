import altyn.pos.v1.OutcomeOuterClass.Status;
import altyn.pos.v1.PosServiceOuterClass.CalculateReceiptResponse;
import altyn.pos.v1.ReceiptOuterClass.*;
import com.google.protobuf.ByteString;
import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import com.google.protobuf.util.JsonFormat;
import io.grpc.InsecureChannelCredentials;
import java.io.*;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.OffsetDateTime;
import java.util.Map;
import java.util.Optional;

/** The adapter between {@code altyn conformance} and {@link Till}; also an example of every call. See conformance.md. */
public final class Conformance {
    private Till till;
    private String storeId, registerId;
    private Receipt.Builder receipt;
    private ByteString calcToken = ByteString.EMPTY;

    public static void main(String[] arguments) throws IOException {
        Conformance register = new Conformance();
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);
        for (String line; (line = in.readLine()) != null; ) {
            Struct.Builder words = Struct.newBuilder();
            JsonFormat.parser().merge(line, words);
            String command = text(words.getFieldsMap(), "do");
            Struct.Builder answer = Struct.newBuilder();
            try {
                register.obey(command, words.getFieldsMap(), answer);
            } catch (IOException | RuntimeException error) {
                answer.clear().putFields("error", Value.newBuilder().setStringValue(error.toString()).build());
            }
            out.println(JsonFormat.printer().omittingInsignificantWhitespace().print(answer));
            if (command.equals("power_off")) System.exit(0);
        }
    }

    private void obey(String command, Map<String, Value> words, Struct.Builder answer) throws IOException {
        switch (command) {
            case "power_on" -> {
                storeId = text(words, "store_id");
                registerId = text(words, "register_id");
                Path queue = Path.of(text(words, "state_dir"), "java");
                till = new Till(text(words, "target"), InsecureChannelCredentials.create(), storeId, registerId, text(words, "key"), queue);
                till.warmUp();
            }
            case "start" -> start(words);
            case "add" -> addLine(words);
            case "send_code" -> tell(answer, "status", till.sendCode(text(words, "phone"))
                .map(sent -> sent.getStatus().name().substring("STATUS_".length())).orElse("NO_ANSWER"));
            case "calculate" -> tell(answer, "status", calculate());
            case "reserve" -> tell(answer, "status", till.reserve(receipt.build(), calcToken).status());
            case "commit" -> {
                receipt.setFiscal(FiscalMark.newBuilder().setDrive("9999").setDocument(Long.toString(receipt.getReceiptNumber())).setSign("1"));
                tell(answer, "status", till.commit(receipt.build(), calcToken).status());
            }
            case "cancel" -> tell(answer, "status", till.cancel(receipt.getShiftNumber(), receipt.getReceiptNumber(),
                receipt.getLocalTimeUs(), receipt.getUtcOffsetMinutes()).status());
            case "return" -> tell(answer, "status", giveBack(words));
            case "settle" -> tell(answer, "status", till.settle(number(words, "shift_number"), number(words, "receipt_number")).status());
            case "drain" -> answer.putFields("left", Value.newBuilder().setNumberValue(till.drain()).build());
            case "power_off" -> till.close();
            default -> tell(answer, "error", "unknown command");
        }
    }

    private void start(Map<String, Value> words) {
        OffsetDateTime now = OffsetDateTime.now();
        int offsetMinutes = now.getOffset().getTotalSeconds() / 60;
        calcToken = ByteString.EMPTY;
        receipt = Receipt.newBuilder().setStoreId(storeId).setRegisterId(registerId)
            .setShiftNumber(number(words, "shift_number")).setReceiptNumber(number(words, "receipt_number"))
            .setCurrency(words.containsKey("currency") ? text(words, "currency") : "RUB").setExponent(2)
            // The wall clock of the shop, as microseconds since 1970-01-01T00:00 of that clock.
            .setLocalTimeUs((now.toEpochSecond() + offsetMinutes * 60L) * 1_000_000L).setUtcOffsetMinutes(offsetMinutes)
            .setMode(Mode.MODE_ONLINE);
        if (words.containsKey("card")) receipt.setIdentity(Till.card(text(words, "card")));
        if (words.containsKey("qr")) receipt.setIdentity(Till.qr(text(words, "qr")));
        if (words.containsKey("phone")) receipt.setIdentity(Till.phone(text(words, "phone"), text(words, "code")));
    }

    private ReceiptLine.Builder addLine(Map<String, Value> words) {
        return receipt.addLinesBuilder().setLineNo(receipt.getLinesCount()).setSku(text(words, "sku")).setUnit(Unit.UNIT_PIECE)
            .setPriceMinor(number(words, "price_minor")).setQtyMilli(number(words, "qty_milli"));
    }

    private String calculate() throws IOException {
        Optional<CalculateReceiptResponse> shown = till.calculate(receipt.build(), calcToken);
        if (shown.isEmpty()) {
            // Sold at shelf prices, uploaded later.
            receipt.setMode(Mode.MODE_OFFLINE).setComputedBy(ComputedBy.COMPUTED_BY_NONE);
            return "NO_ANSWER";
        }
        calcToken = shown.get().getCalcToken();
        return shown.get().getStatus() == Status.STATUS_OK ? "OK" : "DECLINED";
    }

    private String giveBack(Map<String, Value> words) throws IOException {
        start(words);
        Map<String, Value> sale = words.get("original").getStructValue().getFieldsMap();
        receipt.setOriginal(OriginalReceipt.newBuilder().setStoreId(storeId).setRegisterId(registerId)
            .setShiftNumber(number(sale, "shift_number")).setReceiptNumber(number(sale, "receipt_number")));
        for (Value each : words.get("lines").getListValue().getValuesList()) {
            Map<String, Value> line = each.getStructValue().getFieldsMap();
            addLine(line).setRefundOf(RefundOf.newBuilder().setLineNo((int) number(line, "of_line_no")).setQtyMilli(number(line, "qty_milli")));
        }
        return till.giveBack(receipt.build()).status();
    }

    private static String text(Map<String, Value> words, String name) {
        return words.getOrDefault(name, Value.getDefaultInstance()).getStringValue();
    }

    private static long number(Map<String, Value> words, String name) {
        return (long) words.get(name).getNumberValue();
    }

    private static void tell(Struct.Builder answer, String name, String text) {
        answer.putFields(name, Value.newBuilder().setStringValue(text).build());
    }
}
