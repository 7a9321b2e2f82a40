using System.Globalization;
using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Software;
using Vitrine.Kvm.Abi;
using Vitrine.X86.Cpuid;

namespace Vitrine.KvmServer.Library;

/// <summary>The one KVM of this process, made at the first call of what the environment asks for.</summary>
internal static class ServedHost
{
    private const string ModelVariable = "VITRINE_KVM_CPU";
    private const string EngineVariable = "VITRINE_KVM_SOFT";
    private const string MmuVariable = "VITRINE_KVM_MMU";
    private const string TraceVariable = "VITRINE_KVM_TRACE";

    // For tests: collects garbage all the time, which stops every thread that is in the server.
    private const string CollectVariable = "VITRINE_KVM_COLLECT";

    private static readonly Lazy<KvmHost> s_host = new(Create);

    /// <summary>The KVM.</summary>
    public static KvmHost Current => s_host.Value;

    /// <summary>Says in the trace, if there is one, what went wrong in the server itself.</summary>
    /// <returns>What the client is told.</returns>
    public static int Report(Exception defect)
    {
        if (Read(TraceVariable) is { } path)
        {
            try
            {
                File.AppendAllText(path, string.Create(CultureInfo.InvariantCulture, $"defect: {defect.ToString().ReplaceLineEndings(" | ")}\n"));
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                // Nowhere else to say it: the console is the client's.
            }
        }

        return -Errno.EIO;
    }

    private static KvmHost Create()
    {
        if (Read(CollectVariable) is not null) new Thread(CollectForEver) { IsBackground = true }.Start();
        return new KvmHost(new KvmHostOptions
        {
            Model = Read(ModelVariable) is { } model ? CpuModels.Get(model) : null,
            Cpu = new SoftwareOptions { Engine = ReadEngine(), Mmu = ReadMmu() },
        });
    }

    private static void CollectForEver()
    {
        while (true)
        {
            GC.Collect(0);
            Thread.Yield();
        }
    }

    // The command has checked them; what something else has put there is no reason to refuse to serve.
    private static SoftwareEngine? ReadEngine() => Read(EngineVariable) switch
    {
        "interpreter" => SoftwareEngine.Interpreter,
        "translator" => SoftwareEngine.Translator,
        _ => null,
    };

    private static MmuMode? ReadMmu() => Read(MmuVariable) switch
    {
        "shadow" => MmuMode.Shadow,
        "two-dimensional" => MmuMode.TwoDimensional,
        _ => null,
    };

    private static string? Read(string variable) => Environment.GetEnvironmentVariable(variable) is { Length: > 0 } text ? text : null;
}
