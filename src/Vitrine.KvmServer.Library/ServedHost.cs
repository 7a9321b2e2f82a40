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

    // For tests: collects garbage all the time, which stops every thread that is in the server.
    private const string CollectVariable = "VITRINE_KVM_COLLECT";

    // Set where the host's own KVM is watched.
    private const string RealVariable = "VITRINE_KVM_REAL";

    private static readonly Lazy<Observation> s_observation = new(static () => new Observation(Read, ModelText()));
    private static readonly Lazy<KvmHost> s_host = new(Create);

    /// <summary>The KVM.</summary>
    public static KvmHost Current => s_host.Value;

    /// <summary>What is written down of this process.</summary>
    public static Observation Observation => s_observation.Value;

    /// <summary>Says in the trace, if there is one, what went wrong in the server itself.</summary>
    /// <returns>What the client is told.</returns>
    public static int Report(Exception defect)
    {
        s_observation.Value.Trace?.Add(defect.ToString().ReplaceLineEndings(" | "));
        return -Errno.EIO;
    }

    /// <summary>The process is about to end: what is to be known of it is written.</summary>
    public static void End()
    {
        if (s_observation.IsValueCreated) s_observation.Value.End(s_host.IsValueCreated ? s_host.Value.Statistics : []);
    }

    private static string ModelText() => Read(RealVariable) is null ? Read(ModelVariable) ?? CpuModels.Max.Name : "the client's own";

    private static KvmHost Create()
    {
        if (Read(CollectVariable) is not null) new Thread(CollectForEver) { IsBackground = true }.Start();
        Observation observation = s_observation.Value;
        return new KvmHost(new KvmHostOptions
        {
            Model = Read(ModelVariable) is { } model ? CpuModels.Get(model) : null,
            Cpu = new SoftwareOptions { Engine = ReadEngine(), Mmu = ReadMmu(), Statistics = observation.Counts },
            Observer = observation.Observer,
            Watcher = observation.Story,
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
