using System.Net.Sockets;
using System.Text.Json.Nodes;

namespace Vitrine.Tests.Cli.Serving.Qemu;

/// <summary>The machine's end of QEMU's monitor protocol (QMP): one command at a time, events are passed over.</summary>
internal sealed class QmpClient : IDisposable
{
    private const int PatienceInMilliseconds = 60_000;

    private readonly StreamReader _answers;
    private readonly StreamWriter _commands;

    /// <summary>Connects, and leaves the negotiation of capabilities behind.</summary>
    /// <param name="path">The socket.</param>
    public QmpClient(string path)
    {
        Socket socket = Connect(path);
        socket.ReceiveTimeout = PatienceInMilliseconds;
        NetworkStream stream = new(socket, ownsSocket: true);
        _answers = new StreamReader(stream);
        _commands = new StreamWriter(stream) { AutoFlush = true, NewLine = "\n" };
        Execute("qmp_capabilities");
    }

    /// <summary>Executes a command and returns its answer.</summary>
    /// <exception cref="InvalidOperationException">QEMU refused it.</exception>
    public JsonNode Execute(string command, JsonObject? arguments = null)
    {
        _commands.WriteLine(new JsonObject { ["execute"] = command, ["arguments"] = arguments ?? [] }.ToJsonString());
        while (true)
        {
            JsonNode line = JsonNode.Parse(_answers.ReadLine() ?? throw new EndOfStreamException($"QEMU ended in '{command}'."))!;
            if (line["error"] is { } error) throw new InvalidOperationException($"{command}: {error["desc"]}");
            if (line["return"] is { } answer) return answer;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _answers.Dispose();
    }

    // QEMU makes the socket while it starts.
    private static Socket Connect(string path)
    {
        for (int waited = 0; ; waited += 10)
        {
            Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                socket.Connect(new UnixDomainSocketEndPoint(path));
                return socket;
            }
            catch (SocketException) when (waited < PatienceInMilliseconds)
            {
                socket.Dispose();
                Thread.Sleep(10);
            }
        }
    }
}
