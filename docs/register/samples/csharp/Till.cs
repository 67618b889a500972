using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Threading;
using System.Threading.Tasks;
using Altyn.Pos.V1;
using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using AnswerStatus = Altyn.Pos.V1.Status;

/// <summary>
/// A till's side of the conversation: an operation is saved first and sent after; every repeat sends the saved bytes.
///
/// One file per operation in one folder, named by register_seq, so that the order of names is the order of making. A file
/// goes away only when its answer was read. One caller at a time; one process per folder. C# 7.3, .NET Framework and .NET.
/// </summary>
public sealed class Till
{
    /// <summary>The server's status, QUEUED (nobody has answered) or REFUSED (see the details).</summary>
    public sealed class Told
    {
        public Told(string status, string details = "") { Status = status; Details = details; }
        public string Status { get; }
        public string Details { get; }
    }

    private sealed class Operation
    {
        public string Path, Call;
        public byte[] Body;
    }

    /// Nobody knows what became of the attempt: the same bytes go again.
    private static readonly StatusCode[] Silent =
    {
        StatusCode.Unavailable, StatusCode.DeadlineExceeded, StatusCode.Internal, StatusCode.Unknown,
        StatusCode.Cancelled, StatusCode.Aborted, StatusCode.ResourceExhausted,
    };

    /// The bytes will never do: a person has to look.
    private static readonly StatusCode[] Unreadable = { StatusCode.InvalidArgument, StatusCode.OutOfRange };

    private const int AttemptsMax = 4;
    private static readonly TimeSpan AttemptTime = TimeSpan.FromSeconds(1), CalculateTime = TimeSpan.FromSeconds(0.4);
    private static readonly Marshaller<byte[]> Raw = Marshallers.Create(bytes => bytes, bytes => bytes);

    private readonly CallInvoker _server;
    private readonly Metadata _headers;
    private readonly string _storeId, _registerId, _queue;
    private readonly Random _jitter = new Random();
    private long _registerSeq;

    /// <param name="server">GrpcChannel.ForAddress("https://…", options).CreateCallInvoker(), with keep-alive pings of 45 s.</param>
    public Till(CallInvoker server, string storeId, string registerId, string key, string queue)
    {
        _server = server;
        _storeId = storeId;
        _registerId = registerId;
        _headers = new Metadata { { "authorization", "Bearer " + key } };
        _queue = Directory.CreateDirectory(queue).FullName;
        var counter = Path.Combine(_queue, "seq");
        _registerSeq = File.Exists(counter) ? long.Parse(File.ReadAllText(counter)) : 0;
        foreach (var path in Files("*.op").Concat(Files("*.refused")))
            _registerSeq = Math.Max(_registerSeq, long.Parse(Path.GetFileName(path).Substring(0, 19)));
    }

    // CALLS WITHOUT EFFECTS

    /// <summary>
    /// What does the receipt cost now? Null: nobody answered; sell at shelf prices, offline. calcToken: of the calculation before,
    /// ByteString.Empty for the first; it keeps a customer whose code from an app has ended meanwhile.
    /// </summary>
    public async Task<CalculateReceiptResponse> CalculateAsync(Receipt receipt, ByteString calcToken)
    {
        var request = new CalculateReceiptRequest { CalcToken = calcToken, Receipt = receipt };
        var reply = await AskAsync("CalculateReceipt", request.ToByteArray(), CalculateTime);
        return reply == null ? null : CalculateReceiptResponse.Parser.ParseFrom(reply);
    }

    /// <summary>Who is this? Null: nobody answered. Give the answer to Allowance.Take.</summary>
    public async Task<AuthorizeCustomerResponse> AuthorizeAsync(Identity identity, long localTimeUs, int utcOffsetMinutes)
    {
        var request = new AuthorizeCustomerRequest
        {
            StoreId = _storeId,
            RegisterId = _registerId,
            Identity = identity,
            LocalTimeUs = localTimeUs,
            UtcOffsetMinutes = utcOffsetMinutes,
        };
        var reply = await AskAsync("AuthorizeCustomer", request.ToByteArray(), AttemptTime);
        return reply == null ? null : AuthorizeCustomerResponse.Parser.ParseFrom(reply);
    }

    /// <summary>Have a one-time code sent to whoever owns this phone; whether anybody does is never told. Null: nobody answered.</summary>
    public async Task<SendOneTimeCodeResponse> SendCodeAsync(string phone)
    {
        var owner = new Identity { Kind = TokenKind.Phone, Value = phone };
        var request = new SendOneTimeCodeRequest { StoreId = _storeId, RegisterId = _registerId, Identity = owner };
        var reply = await AskAsync("SendOneTimeCode", request.ToByteArray(), AttemptTime);
        return reply == null ? null : SendOneTimeCodeResponse.Parser.ParseFrom(reply);
    }

    // WHAT A CUSTOMER SHOWS: as it was read, in every call of the receipt; see identification.md

    public static Identity Card(string number) =>
        new Identity { Kind = TokenKind.Card, Value = number, InputMethod = InputMethod.Scan };

    /// <summary>The code an app shows: a new one every minute. Once seen by a calculation, its calc_token keeps the customer.</summary>
    public static Identity Qr(string shown) =>
        new Identity { Kind = TokenKind.Qr, Value = shown, InputMethod = InputMethod.Qr };

    /// <summary>A phone; with the six digits its owner was sent it may pay. code: empty without.</summary>
    public static Identity Phone(string number, string code) =>
        new Identity { Kind = TokenKind.Phone, Value = number, Code = code, InputMethod = code == "" ? InputMethod.Phone : InputMethod.PhoneCode };

    // CALLS WITH EFFECTS: saved, then sent

    public Task<Told> ReserveAsync(Receipt receipt, ByteString calcToken)
    {
        var seq = NextSeq();
        var request = new ReserveReceiptRequest { OpId = NewOpId(), RegisterSeq = seq, CalcToken = calcToken, Receipt = receipt };
        return DeliverAsync(Save(seq, "ReserveReceipt", request.ToByteArray()));
    }

    /// <summary>The receipt is sold and printed. QUEUED is as good as sent: show "accepted, to be confirmed".</summary>
    public Task<Told> CommitAsync(Receipt receipt, ByteString calcToken)
    {
        var seq = NextSeq();
        var request = new CommitReceiptRequest { OpId = NewOpId(), RegisterSeq = seq, CalcToken = calcToken, Receipt = receipt };
        return DeliverAsync(Save(seq, "CommitReceipt", request.ToByteArray()));
    }

    /// <summary>Goods came back: receipt.Original and each line's RefundOf name the sale.</summary>
    public Task<Told> ReturnAsync(Receipt receipt)
    {
        var seq = NextSeq();
        var request = new ReturnReceiptRequest { OpId = NewOpId(), RegisterSeq = seq, Receipt = receipt };
        return DeliverAsync(Save(seq, "ReturnReceipt", request.ToByteArray()));
    }

    /// <summary>Void a receipt, whether it was reserved, committed, or nobody knows.</summary>
    public Task<Told> CancelAsync(long shiftNumber, long receiptNumber, long localTimeUs, int utcOffsetMinutes)
    {
        var seq = NextSeq();
        var request = new CancelReceiptRequest
        {
            OpId = NewOpId(),
            RegisterSeq = seq,
            StoreId = _storeId,
            RegisterId = _registerId,
            ShiftNumber = shiftNumber,
            ReceiptNumber = receiptNumber,
            LocalTimeUs = localTimeUs,
            UtcOffsetMinutes = utcOffsetMinutes,
        };
        return DeliverAsync(Save(seq, "CancelReceipt", request.ToByteArray()));
    }

    // DOUBT

    /// <summary>What did the server do with the commit of this receipt, still queued here? Asks first, sends only what never arrived.</summary>
    public async Task<Told> SettleAsync(long shiftNumber, long receiptNumber)
    {
        foreach (var operation in Pending().Where(each => each.Call == "CommitReceipt"))
        {
            var sold = CommitReceiptRequest.Parser.ParseFrom(operation.Body);
            if (sold.Receipt.ShiftNumber != shiftNumber || sold.Receipt.ReceiptNumber != receiptNumber) continue;
            var asked = new GetOperationRequest { OpId = sold.OpId, StoreId = _storeId, RegisterId = _registerId };
            try
            {
                var known = GetOperationResponse.Parser.ParseFrom(await CallAsync("GetOperation", asked.ToByteArray(), AttemptTime));
                if (known.Reply.IsEmpty) return await AttemptAsync(operation, AttemptsMax);   // OPERATION_UNKNOWN
                File.Delete(operation.Path);
                return new Told(Name(CommitReceiptResponse.Parser.ParseFrom(known.Reply).Status));
            }
            catch (RpcException error) when (Silent.Contains(error.StatusCode))
            {
                return new Told("QUEUED", error.Message);
            }
        }
        return new Told("OK", "nothing is owed for this receipt");
    }

    /// <summary>After a start and every few seconds: what is unanswered, oldest first, up to the first silence. How many are left.</summary>
    public async Task<int> DrainAsync()
    {
        foreach (var operation in Pending())
            if ((await AttemptAsync(operation, 1)).Status == "QUEUED") break;
        return Files("*.op").Count;
    }

    // INSIDE

    /// Older operations on the same receipt go first.
    private async Task<Told> DeliverAsync(Operation operation)
    {
        var receipt = ReceiptOf(operation);
        foreach (var earlier in Pending())
        {
            if (earlier.Path == operation.Path) break;
            if (ReceiptOf(earlier) == receipt) await AttemptAsync(earlier, 1);
        }
        return await AttemptAsync(operation, AttemptsMax);
    }

    /// The same bytes until an answer: exponential back-off with full jitter, and the server's own wish on top.
    private async Task<Told> AttemptAsync(Operation operation, int attemptsMax)
    {
        for (var failures = 1; ; failures++)
        {
            TimeSpan pause;
            try
            {
                var status = StatusOf(operation.Call, await CallAsync(operation.Call, operation.Body, AttemptTime));
                if (status == AnswerStatus.Unspecified) return new Told("QUEUED", "a reply that says nothing");
                File.Delete(operation.Path);                // OK, DECLINED, CONFLICT, QUARANTINED, PARKED: all final
                return new Told(Name(status));
            }
            catch (InvalidProtocolBufferException)
            {
                return new Told("QUEUED", "a reply that cannot be read");
            }
            catch (RpcException error) when (Unreadable.Contains(error.StatusCode))
            {
                File.Move(operation.Path, Path.ChangeExtension(operation.Path, ".refused"));
                return new Told("REFUSED", error.Message);
            }
            catch (RpcException error) when (!Silent.Contains(error.StatusCode))
            {
                return new Told("REFUSED", error.Message);  // a wrong key: stays queued
            }
            catch (RpcException error)
            {
                if (failures >= attemptsMax) return new Told("QUEUED", error.Message);
                var wish = error.GetRpcStatus()?.GetDetail<RetryInfo>()?.RetryDelay?.ToTimeSpan() ?? TimeSpan.Zero;
                pause = TimeSpan.FromMilliseconds(_jitter.Next(50 << failures)) + wish;
            }
            await Task.Delay(pause);
        }
    }

    /// One attempt of a call without effects; null: nobody answered.
    private async Task<byte[]> AskAsync(string name, byte[] request, TimeSpan time)
    {
        try
        {
            return await CallAsync(name, request, time);
        }
        catch (RpcException error) when (Silent.Contains(error.StatusCode))
        {
            return null;
        }
    }

    private async Task<byte[]> CallAsync(string name, byte[] request, TimeSpan time)
    {
        var method = new Method<byte[], byte[]>(MethodType.Unary, "altyn.pos.v1.PosService", name, Raw, Raw);
        var options = new CallOptions(_headers, DateTime.UtcNow + time);
        using (var call = _server.AsyncUnaryCall(method, null, options, request)) return await call.ResponseAsync;
    }

    private static AnswerStatus StatusOf(string call, byte[] reply)
    {
        switch (call)
        {
            case "ReserveReceipt": return ReserveReceiptResponse.Parser.ParseFrom(reply).Status;
            case "CommitReceipt": return CommitReceiptResponse.Parser.ParseFrom(reply).Status;
            case "CancelReceipt": return CancelReceiptResponse.Parser.ParseFrom(reply).Status;
            default: return ReturnReceiptResponse.Parser.ParseFrom(reply).Status;
        }
    }

    /// A status of a later contract is an answer all the same.
    private static string Name(AnswerStatus status) =>
        Enum.IsDefined(typeof(AnswerStatus), status) ? status.ToString().ToUpperInvariant() : "OK";

    private static string ReceiptOf(Operation operation)
    {
        if (operation.Call == "CancelReceipt")
        {
            var request = CancelReceiptRequest.Parser.ParseFrom(operation.Body);
            return request.ShiftNumber + "/" + request.ReceiptNumber;
        }
        // Field 4 is the receipt in all other effect calls.
        var receipt = CommitReceiptRequest.Parser.ParseFrom(operation.Body).Receipt;
        return receipt.ShiftNumber + "/" + receipt.ReceiptNumber;
    }

    /// UUID version 7: 48 bits of time, 74 random bits.
    private static ByteString NewOpId()
    {
        var id = new byte[16];
        using (var random = RandomNumberGenerator.Create()) random.GetBytes(id);
        var moment = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        for (var place = 5; place >= 0; place--, moment >>= 8) id[place] = (byte)moment;
        id[6] = (byte)(0x70 | (id[6] & 0x0F));
        id[8] = (byte)(0x80 | (id[8] & 0x3F));
        return ByteString.CopyFrom(id);
    }

    /// The number is on the disk before it is used: no power cut brings it back.
    private long NextSeq()
    {
        Write(Path.Combine(_queue, "seq"), System.Text.Encoding.ASCII.GetBytes((++_registerSeq).ToString()));
        return _registerSeq;
    }

    private Operation Save(long seq, string call, byte[] body)
    {
        var path = Path.Combine(_queue, seq.ToString("D19") + "-" + call + ".op");
        Write(path, Sha256(body).Concat(body).ToArray());
        return new Operation { Path = path, Call = call, Body = body };
    }

    /// Whole or not at all: flushed under another name, then renamed. On Linux also flush the folder.
    internal static void Write(string path, byte[] stored)
    {
        var fresh = path + ".new";
        using (var file = new FileStream(fresh, FileMode.Create, FileAccess.Write))
        {
            file.Write(stored, 0, stored.Length);
            file.Flush(true);
        }
        if (File.Exists(path)) File.Replace(fresh, path, null);
        else File.Move(fresh, path);
    }

    private IEnumerable<Operation> Pending()
    {
        foreach (var path in Files("*.op"))
        {
            var stored = File.ReadAllBytes(path);
            var body = stored.Skip(32).ToArray();
            if (stored.Length < 32 || !Sha256(body).SequenceEqual(stored.Take(32)))
                throw new InvalidDataException(path + " is damaged: keep it and reconcile the shift");
            yield return new Operation { Path = path, Call = Path.GetFileNameWithoutExtension(path).Substring(20), Body = body };
        }
    }

    private List<string> Files(string pattern)
    {
        var found = Directory.GetFiles(_queue, pattern).ToList();
        found.Sort(StringComparer.Ordinal);
        return found;
    }

    private static byte[] Sha256(byte[] body)
    {
        using (var hash = SHA256.Create()) return hash.ComputeHash(body);
    }
}
