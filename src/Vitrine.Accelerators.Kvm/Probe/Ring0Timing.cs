using System.Diagnostics;
using Vitrine.Accelerators.Kvm.Native;
using Vitrine.Errors;
using Vitrine.Kvm.Abi;
using Vitrine.Memory;

namespace Vitrine.Accelerators.Kvm.Probe;

/// <summary>
/// Times ring-0 instructions with the smallest machine there is: one page, one vCPU in 32-bit protected mode without paging,
/// no interrupt controllers, so that HLT comes back.
/// </summary>
internal static unsafe class Ring0Timing
{
    private const ulong CodeAddress = 0x100;
    private const int Iterations = 2000;
    private const int InstructionsPerIteration = 2;
    private const int Repetitions = 2;
    private const nint TssAddress = 0x10000;

    // dec ecx; jnz -3; hlt
    private static ReadOnlySpan<byte> Code => [0x49, 0x75, 0xFD, 0xF4];

    /// <summary>Measures.</summary>
    /// <returns>Nanoseconds per instruction.</returns>
    /// <exception cref="VitrineException">The machine can't be created, or the loop doesn't come to its end.</exception>
    public static double Measure(KvmSystemHandle system)
    {
        using var memory = new HostMapping(4096);

        // SAFETY: the mapping has 4,096 bytes and outlives the machine, which is disposed first.
        Code.CopyTo(new Span<byte>(memory.Pointer + CodeAddress, Code.Length));
        using KvmVmHandle vm = system.CreateVm();
        vm.Call(KvmIoctl.KVM_SET_TSS_ADDR, TssAddress);
        var region = new kvm_userspace_memory_region { memory_size = 4096, userspace_addr = (ulong)memory.Pointer };
        vm.Call(KvmIoctl.KVM_SET_USER_MEMORY_REGION, ref region);
        using KvmVcpuHandle vcpu = vm.CreateVcpu(0);
        using KvmRunMapping mapping = vcpu.Map(system.Call(KvmIoctl.KVM_GET_VCPU_MMAP_SIZE));
        EnterProtectedMode(vcpu);

        // The first run pays for mappings, the shortest loop for entering and leaving.
        _ = Time(vcpu, mapping, 1);
        long entry = long.MaxValue;
        long loop = long.MaxValue;
        for (int i = 0; i < Repetitions; i++)
        {
            entry = Math.Min(entry, Time(vcpu, mapping, 1));
            loop = Math.Min(loop, Time(vcpu, mapping, 1 + Iterations));
        }

        double nanoseconds = Stopwatch.GetElapsedTime(0, Math.Max(0, loop - entry)).TotalNanoseconds;
        return nanoseconds / (Iterations * InstructionsPerIteration);
    }

    private static void EnterProtectedMode(KvmVcpuHandle vcpu)
    {
        kvm_sregs sregs = default;
        vcpu.Call(KvmIoctl.KVM_GET_SREGS, ref sregs);
        var flat = new kvm_segment { limit = 0xFFFFFFFF, selector = 16, type = 3, present = 1, db = 1, s = 1, g = 1 };
        sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = flat;
        sregs.cs = flat with { selector = 8, type = 11 };
        sregs.cr0 |= 1;
        vcpu.Call(KvmIoctl.KVM_SET_SREGS, ref sregs);
    }

    private static long Time(KvmVcpuHandle vcpu, KvmRunMapping mapping, uint iterations)
    {
        var regs = new kvm_regs { rip = CodeAddress, rcx = iterations, rflags = 2 };
        vcpu.Call(KvmIoctl.KVM_SET_REGS, ref regs);
        long start = Stopwatch.GetTimestamp();
        int result;
        do
        {
            result = vcpu.Run();
        }
        while (result == -Errno.EINTR);

        long elapsed = Stopwatch.GetTimestamp() - start;
        if (result < 0) throw vcpu.Error(KvmIoctl.KVM_RUN, -result);
        uint reason = mapping.Run->exit_reason;
        return reason == KvmExit.KVM_EXIT_HLT ? elapsed : throw VitrineException.Host(
            ErrorCode.KvmProbeFailed,
            $"A loop of two instructions on KVM ended with {KvmExitName.Of(reason)} instead of its HLT.",
            "This KVM does not run ring 0 as it should.",
            "Look at the kernel's log (dmesg).");
    }
}
