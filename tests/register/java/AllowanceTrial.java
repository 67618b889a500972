import altyn.pos.v1.PosServiceOuterClass.AuthorizeCustomerResponse;
import altyn.pos.v1.ReceiptOuterClass.Receipt;
import java.io.*;
import java.nio.file.Path;
import java.util.HexFormat;

/** Obeys test_samples.py: `take ANSWER`, `left NOW`, `spend RECEIPT SUM NOW`, each on the allowance as its file has it. */
final class AllowanceTrial {
    public static void main(String[] arguments) throws IOException {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = in.readLine()) != null; ) {
            String[] words = line.split(" ");
            Allowance allowance = new Allowance(Path.of(arguments[0]));
            switch (words[0]) {
                case "take" -> {
                    allowance.take(AuthorizeCustomerResponse.parseFrom(HexFormat.of().parseHex(words[1])));
                    System.out.println("taken");
                }
                case "left" -> System.out.println(allowance.leftMinor(Long.parseLong(words[1])));
                default -> {
                    Receipt.Builder receipt = Receipt.parseFrom(HexFormat.of().parseHex(words[1])).toBuilder();
                    boolean may = allowance.spend(receipt, Long.parseLong(words[2]), Long.parseLong(words[3]));
                    System.out.println(may + " " + HexFormat.of().formatHex(receipt.build().toByteArray()));
                }
            }
        }
    }
}
