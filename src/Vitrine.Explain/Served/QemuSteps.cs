using Vitrine.Accelerators.Observation;
using Vitrine.Explain.Model;
using Vitrine.Kvm.Abi;

namespace Vitrine.Explain.Served;

/// <summary>Puts the functions of QEMU that stand behind calls in order: one step for calls that one function makes, whichever it calls for them.</summary>
internal sealed class QemuSteps
{
    private const string Inside = " > ";
    private const string PutRegisters = "kvm_arch_put_registers";

    private readonly List<ClientFunctionFact> _steps = [];
    private string _target = "";
    private bool _hasMachine;

    /// <summary>The steps of some calls.</summary>
    /// <param name="calls">The calls, from the first on.</param>
    /// <param name="kinds">What each is made on, and which ioctl it is.</param>
    public static IReadOnlyList<ClientFunctionFact> Of(IReadOnlyList<CallRecord> calls, IReadOnlyList<(KvmDescriptorKind Kind, uint Request)> kinds)
    {
        QemuSteps steps = new();
        for (int i = 0; i < calls.Count; i++) steps.Add(calls[i], kinds[i].Kind, kinds[i].Request);
        return steps._steps;
    }

    private void Add(CallRecord call, KvmDescriptorKind kind, uint request)
    {
        (string function, string purpose) = QemuFunctions.Of(kind, request, _hasMachine);
        if (kind == KvmDescriptorKind.System && request == KvmIoctl.KVM_CREATE_VM) _hasMachine = true;
        if (function.Length == 0) return;
        ClientFunctionFact? last = _steps.Count > 0 ? _steps[^1] : null;

        // Everybody asks for capabilities, in the midst of other things. A step's calls on other descriptors than a vCPU are anybody's.
        bool isQuestion = request == KvmIoctl.KVM_CHECK_EXTENSION && kind != KvmDescriptorKind.Vcpu;
        bool isSameVcpu = kind != KvmDescriptorKind.Vcpu || _target.Length == 0 || call.Target == _target;
        if (last is not null && isSameVcpu && (isQuestion || Outer(function) == Outer(last.Function) || IsWithin(last, request)))
        {
            if (IsWithin(last, request)) function = PutRegisters + Inside + "kvm_arch_set_tsc_khz";
            _steps[^1] = last with { LastCall = call.Number, Calls = last.Calls + 1, Function = isQuestion ? last.Function : Join(last.Function, function) };
            if (kind == KvmDescriptorKind.Vcpu) _target = call.Target;
            return;
        }

        _steps.Add(new ClientFunctionFact(call.Number, call.Number, 1, function, purpose));
        _target = kind == KvmDescriptorKind.Vcpu ? call.Target : "";
    }

    // A put asks for the frequency of the time-stamp counter before it sets it.
    private static bool IsWithin(ClientFunctionFact step, uint request) =>
        request == KvmIoctl.KVM_GET_TSC_KHZ && step.Function.StartsWith(PutRegisters, StringComparison.Ordinal);

    private static string Outer(string function) => function.Split(Inside, 2)[0];

    private static string Join(string first, string second)
    {
        string[] inner = second.Split(Inside, 2);
        if (inner.Length < 2) return first;
        string[] known = first.Split(Inside, 2);
        if (known.Length < 2) return second;
        return known[1].Split(", ").Contains(inner[1]) ? first : $"{first}, {inner[1]}";
    }
}
